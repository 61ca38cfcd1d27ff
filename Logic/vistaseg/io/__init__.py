"""Everything that is written: files and sets of files that are complete or absent, safe beside other writers."""

from vistaseg.io.commit import commits, sha256_of, together
from vistaseg.io.files import check_file_place, check_folder, made_folder, replacing, settle, write_bytes
from vistaseg.io.journal import recover, tidy
from vistaseg.io.locks import locked
from vistaseg.io.refusals import write_error
from vistaseg.io.staging import staged

__all__ = [
    "check_file_place",
    "check_folder",
    "commits",
    "locked",
    "made_folder",
    "recover",
    "replacing",
    "settle",
    "sha256_of",
    "staged",
    "tidy",
    "together",
    "write_bytes",
    "write_error",
]
