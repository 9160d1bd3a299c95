"""The floor for uploads: a bare Flask route that hashes the file and stores it, and does nothing else."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

from flask import Flask, request

CHUNK_BYTES = 1 << 16
FOLDER = Path(os.environ["FLOOR_DIR"])

app = Flask(__name__)


@app.post("/upload")
def upload() -> tuple[dict[str, Any], int]:
    name, digest = uuid.uuid4().hex, hashlib.sha256()
    stream = request.files["file"].stream
    with (FOLDER / name).open("wb") as out:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
    return {"job_id": name, "sha256": digest.hexdigest()}, 202
