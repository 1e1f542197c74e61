"""Bytes of a file as text: compression and encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

from homotopy.datasets.tables.options import TableOptions

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# A RuntimeError: a zip that is encrypted, or compressed as Python cannot.
_BROKEN = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, lzma.LZMAError, zlib.error)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path, options: TableOptions) -> tuple[str, list[str]]:
    """The text of a file, and a sentence where its encoding was not UTF-8.

    What is not UTF-8 is nearly always Windows' Western code page: every text in another encoding is
    some text in that one too, so that it is said.
    """
    data = _bytes(path)
    if options.encoding is not None:
        try:
            return data.decode(options.encoding).removeprefix("\ufeff"), []
        except LookupError:
            raise ValueError(
                f"{options.bare('encoding')}: expected an encoding such as utf-8, cp1252 or "
                f"utf-16, got {options.encoding!r}."
            ) from None
        except UnicodeError as error:
            raise ValueError(
                f"{options.bare('encoding')}: {path.name} is not {options.encoding} "
                f"({_place(data, error)})."
            ) from None
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            notes = [] if encoding == "utf-8-sig" else [f"Read as {encoding}, by its first bytes."]
            try:
                return data.decode(encoding), notes
            except UnicodeError as error:
                raise ValueError(
                    f"{path.name} cannot be read as {encoding}, as its first bytes say "
                    f"({_place(data, error)}): name another {options.bare('encoding')}."
                ) from None
    wide = _without_mark(data)
    try:
        return data.decode(wide or "utf-8"), [f"Read as {wide}, by its zero bytes."] if wide else []
    except UnicodeError:
        if b"\0" in data:
            raise ValueError(
                f"{path.name} cannot be read as text: it has zero bytes. "
                f"{options.called('encoding', 'utf-16')} may be meant, or it is no text file."
            ) from None
    try:
        text, name = data.decode("cp1252"), "cp1252"
    except UnicodeError:
        text, name = data.decode("latin-1"), "latin-1"
    letters = "".join(dict.fromkeys(c for c in text if ord(c) > 127))[:12]
    another = options.bare("encoding")
    return text, [f"Not UTF-8: read as {name}, with {letters}; {another} names another encoding."]


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise ValueError(f"{path.name} holds {len(names)} files; one is expected.")
                return archive.read(names[0])
        with _OPENERS.get(path.suffix.lower(), io.open)(path, "rb") as file:
            return file.read()
    except _BROKEN as error:
        raise ValueError(f"{path.name} cannot be read: {error}.") from None


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without a mark: of mostly Latin text every second byte is zero."""
    start = data[:4096]
    half = len(start) // 2
    if half < 8:
        return None
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if start[offset::2].count(0) > 0.6 * half and start[1 - offset :: 2].count(0) == 0:
            return encoding
    return None


def _place(data: bytes, error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return str(error)
    line = data.count(b"\n", 0, error.start) + 1
    return f"line {line}, byte 0x{data[error.start]:02x}"
