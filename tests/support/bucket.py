"""An S3 bucket for tests: moto's server in this process. What is in it outlives a stop."""

from __future__ import annotations

import logging
from typing import Any, Self

from tests.support.service import free_port

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
NAME = "documents"


class Bucket:
    """``with Bucket() as bucket`` starts it with one empty bucket; ``stop`` and ``start`` let it be away for a while."""

    def __init__(self) -> None:
        self.port = free_port()
        self.server: Any = None

    @property
    def settings(self) -> dict[str, str]:
        """Of a service that keeps its documents there."""
        return {"STORAGE_URL": f"s3://{NAME}/all", "S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", **KEYS}

    def start(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
        self.server = ThreadedMotoServer("127.0.0.1", self.port)
        self.server.start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
        self.server = None

    def __enter__(self) -> Self:
        import boto3

        self.start()
        options = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", **options).create_bucket(Bucket=NAME)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
