"""Files of the page have addresses that change with them, so that a browser asks for each once."""

from __future__ import annotations

import re
import shutil

import pytest

from document_parser.api import assets
from document_parser.api.factory import create_app
from document_parser.settings import Settings, StoreSettings


@pytest.fixture
def client(tmp_path):
    return create_app(Settings(store=StoreSettings(data_dir=tmp_path))).test_client()


def addresses_of(page):
    return re.findall(r'(?:src|href)="(/static/[^"]+)"', page)


@pytest.mark.parametrize("address", ["/", "/admin", "/docs"])
def test_every_file_that_a_page_names_is_kept_by_browsers_for_good(client, address):
    found = addresses_of(client.get(address, follow_redirects=True).text)
    assert found
    for file in found:
        assert re.match(r"/static/v-[0-9a-f]{16}/", file)
        with client.get(file) as answer:
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")


def test_files_name_others_by_relative_addresses_only(client):
    """An address from the root would leave the digest, and a module would be loaded twice."""
    folder = assets.asset_folder("static")
    for file in [*folder.rglob("*.js"), *folder.rglob("*.css")]:
        assert not re.search(r"""(?:from|import\(|url\()\s*["']?/""", file.read_text()), file


def test_the_plain_address_answers_too_and_is_asked_again(client):
    with client.get("/static/ui/main.js") as plain, client.get(address_of(client, "ui/main.js")) as kept:
        assert plain.data == kept.data
        assert plain.headers["Cache-Control"] == "no-cache"
        etag = plain.headers["ETag"]
    with client.get("/static/ui/main.js", headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304


def test_a_page_of_another_version_gets_the_file_and_the_browser_does_not_keep_it(client):
    with client.get("/static/v-0123456789abcdef/ui/main.js") as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    for missing in ("v-0123456789abcdef/ui/gone.js", "v-0123456789abcdef/../api/factory.py", "v-0123456789abcdef"):
        assert client.get(f"/static/{missing}").status_code == 404


def address_of(client, name):
    return next(address for address in addresses_of(client.get("/").text) if address.endswith(f"/{name}"))


def test_a_file_that_was_changed_renamed_or_removed_changes_the_addresses(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "LOOK_SECONDS", 0.0)
    folder = tmp_path / "static"
    shutil.copytree(assets.asset_folder("static") / "client", folder)
    files = assets.StaticFiles(folder)
    seen = [files.digest()]
    file = folder / "index.js"
    file.write_text(file.read_text() + "// changed")
    seen.append(files.digest())
    file.rename(folder / "first.js")
    seen.append(files.digest())
    (folder / "first.js").unlink()
    seen.append(files.digest())
    assert len(set(seen)) == 4


def test_files_are_not_looked_at_for_every_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "LOOK_SECONDS", 3600.0)
    (tmp_path / "main.js").write_text("one")
    files = assets.StaticFiles(tmp_path)
    before = files.digest()
    (tmp_path / "main.js").write_text("another")
    assert files.digest() == before


@pytest.mark.parametrize(("address", "entry"), [("/", "ui/main.js"), ("/admin", "ui/admin/main.js")])
def test_a_page_asks_at_once_for_every_module_that_its_scripts_import_and_for_no_other(client, address, entry):
    page = client.get(address).text
    preloaded = set(re.findall(r'rel="modulepreload" href="/static/v-[0-9a-f]+/([^"]+)"', page))
    folder = assets.asset_folder("static")
    named = {entry}
    for module in [entry, *preloaded]:
        for path in re.findall(r'from "(\.[^"]+)"', (folder / module).read_text()):
            named.add(str((folder / module).parent.joinpath(path).resolve().relative_to(folder)))
    assert preloaded | {entry} == named
    assert len(preloaded) > 20


MAIN = """import {
  one,
  two,
} from "./one.js";
// import "./none.js"
import "../two.js";
export const of = 4; // "./of.js"
"""


def test_modules_over_several_lines_and_those_exported_are_found_and_comments_are_not(tmp_path):
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "main.js").write_text(MAIN)
    (tmp_path / "ui" / "one.js").write_text('export { three } from "./three.js";\nexport const one = 1;\n')
    (tmp_path / "ui" / "three.js").write_text('import { one } from "./one.js";\nexport const three = one;\n')
    (tmp_path / "two.js").write_text("export const two = 2;\n")
    assert assets.StaticFiles(tmp_path).modules_of("ui/main.js") == ["two.js", "ui/one.js", "ui/three.js"]
