"""Files that are not what they say, or that harm whoever unpacks them: lies() yields (name, bytes, case)."""

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
import zlib

PNG = "image/png"
GIF = "image/gif"
JPEG = "image/jpeg"
ZIP = "application/zip"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PAGE = b"<html><script>alert(1)</script></html>"


def type_lie(name, data, declared, allowed=None):
    return name, data, {"declared": declared, "allowed": allowed or [declared, "image/*"], "settings": {"type": {}}}


def archive_lie(name, data, code, **bounds):
    return name, data, {"settings": {"archive": bounds}, "code": code}


def image_lie(name, data, code, **bounds):
    return name, data, {"settings": {"image": bounds}, "code": code}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=1, height=1, extra=b"", end=True):
    pixels = zlib.compress((b"\0" + b"\0\0\0" * width) * height) if width * height < 10**7 else zlib.compress(b"")
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + extra
    return head + chunk(b"IDAT", pixels) + (chunk(b"IEND", b"") if end else b"")


def jpeg(comment=b""):
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    data = out.getvalue()
    segment = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment if comment else b""
    return data[:20] + segment + data[20:]


def gif(frames=1, width=1, height=1, tail=b""):
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02D\x01\0"
    return head + frame * frames + b";" + tail


def zipped(entries, compression=zipfile.ZIP_DEFLATED, comment=b""):
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in entries:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(info, data, compression)
        archive.comment = comment
    return out.getvalue()


def tarred(*members, mode="w", kind=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=kind) as archive:
        for name, fields in members:
            info = tarfile.TarInfo(name)
            data = fields.pop("data", b"")
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def named(name):
    """An entry whose name zipfile would have made tidy."""
    info = zipfile.ZipInfo("x")
    info.filename = name
    return info


def patched(data, signature, offset, value):
    """The first record with a signature, with bytes replaced."""
    at = data.index(signature) + offset
    return data[:at] + value + data[at + len(value) :]


def overlapping(count):
    """Entries that share one kernel of compressed bytes, as David Fifield's bombs do."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    kernel = packed.compress(b"\0" * 100_000) + packed.flush()
    crc = zlib.crc32(b"\0" * 100_000)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(kernel), 100_000, 2, 0) + b"00" + kernel
    directory = b"".join(
        struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(kernel), 100_000, 2, 0, 0, 0, 0, 0, 0)
        + b"%02d" % n
        for n in range(count)
    )
    return local + directory + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(local), 0)


def hidden_markup():
    """Pages and SVG under the name of an image or of a text."""
    blanks = {"blanks": b" \n\t ", "bom": b"\xef\xbb\xbf", "two-boms": b"\xef\xbb\xbf\xef\xbb\xbf ", "nbsp": "\u00a0\u200b".encode()}
    prologues = {"comment": b"<!-- x -->", "prologue": b"<?xml version='1.0'?>", "doctype": b"<!DOCTYPE svg [<!ENTITY a 'b'>]>"}
    for before, start in {**blanks, **prologues, "nothing": b""}.items():
        yield type_lie(f"svg-behind-{before}", start + SVG, PNG)
        yield type_lie(f"html-behind-{before}", start + PAGE, "text/plain")
    for encoding in ["utf-16-le", "utf-16-be"]:
        yield type_lie(f"svg-{encoding}", SVG.decode().encode(encoding), PNG)
        yield type_lie(f"html-bom-{encoding}", ("\ufeff" + PAGE.decode()).encode(encoding), "text/plain")
    yield type_lie("svg-behind-60000-blanks", b" " * 60_000 + SVG, "text/plain")
    yield type_lie("svg-behind-200000-blanks", b" " * 200_000 + SVG, "text/plain")
    yield type_lie("svg-with-prefix", b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>', "application/xml")
    yield type_lie("xhtml-in-xml", b'<?xml version="1.0"?><a><s:script xmlns:s="http://www.w3.org/1999/xhtml"/></a>', "application/xml")
    yield type_lie("svg-as-image-class", SVG, "image/svg+xml", ["image/*"])


def polyglots():
    """Images and documents that are something else as well."""
    archive = zipped([("META-INF/MANIFEST.MF", b"x"), ("A.class", b"y")])
    yield type_lie("gif-script-assignment", b"GIF89a=1;<script>alert(1)</script>", GIF)
    yield type_lie("gif-script-comment", b"GIF89a/*" + gif()[8:] + b"*/=1;alert(1)", GIF)
    yield type_lie("gif-html-at-end", gif(tail=PAGE), GIF)
    yield type_lie("gifar", gif(tail=archive), GIF)
    yield type_lie("pngar", png() + archive, PNG)
    yield type_lie("jpegar", jpeg() + archive, JPEG)
    yield type_lie("html-in-png-text", png(extra=chunk(b"tEXt", b"Comment\0" + PAGE)), PNG)
    yield type_lie("html-in-jpeg-comment", jpeg(PAGE), JPEG)
    yield type_lie("php-in-jpeg-comment", jpeg(b"<?php system($_GET[0]); ?>"), JPEG)
    yield type_lie("iframe-in-png-text", png(extra=chunk(b"tEXt", b"Comment\0<iframe src=x>")), PNG)
    yield type_lie("svg-after-png", png() + SVG, PNG)
    yield type_lie("jpeg-script", b"\xff\xd8\xff\xe0/*" + b"\0" * 100 + b"*/=alert(1)", JPEG)
    yield type_lie("bmp-script", b"BM/*" + b"\0" * 60 + b"*/=1;alert(1)", "image/bmp")
    yield type_lie("pdf-and-zip", b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n" + archive, "application/pdf")
    yield type_lie("pdf-and-html", b"%PDF-1.4\n" + PAGE + b"\ntrailer<<>>\n%%EOF\n", "application/pdf")
    info = zipfile.ZipInfo("a.txt")
    info.extra = struct.pack("<HH", 0x9999, 40) + b"%PDF-1.4\n".ljust(40)
    yield type_lie("zip-and-pdf", zipped([(info, b"x")]), ZIP)


def wrong_types():
    """Files of another type than they say."""
    yield type_lie("program-as-png", b"MZ" + b"\0" * 58 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0" + b"\0" * 200, PNG)
    yield type_lie("elf-as-jpeg", b"\x7fELF\x02\x01\x01" + b"\0" * 100, JPEG)
    yield type_lie("zip-as-docx", zipped([("a", b"b")]), "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    yield type_lie("macros-as-docx", zipped([("[Content_Types].xml", b""), ("word/document.xml", b""), ("word/vbaProject.bin", b"")]), "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    yield type_lie("png-as-jpeg", png(), JPEG)
    yield type_lie("random-as-png", bytes(range(128, 256)) * 4 + b"\0", PNG)
    yield type_lie("empty-as-png", b"", PNG)
    yield type_lie("gzip-as-zip", gzip.compress(b"x"), ZIP)
    yield type_lie("jar-as-zip", zipped([("META-INF/MANIFEST.MF", b"x")]), ZIP)
    yield type_lie("script-as-text-class", PAGE, "text/html", ["text/*"])


def names():
    """Entries that lead elsewhere."""
    for number, name in enumerate(["../../etc/passwd", "/etc/passwd", "a/../../b", "..\\..\\x", "C:\\x", "\\\\host\\x", "a\tb"]):
        yield archive_lie(f"zip-slip-{number}", zipped([(named(name), b"x")]), "UNSAFE_NAME")
    yield archive_lie("tar-slip", tarred(("../x", {"data": b"x"})), "UNSAFE_NAME")
    yield archive_lie("tar-absolute", tarred(("/x", {"data": b"x"})), "UNSAFE_NAME")
    yield archive_lie("tar-gz-slip", tarred(("../x", {"data": b"x"}), mode="w:gz"), "UNSAFE_NAME")
    yield archive_lie("tar-long-name-slip", tarred(("a/" * 80 + "../" * 90 + "x", {}), kind=tarfile.GNU_FORMAT), "UNSAFE_NAME")
    yield archive_lie("tar-pax-slip", tarred(("a/" * 80 + "../" * 90 + "x", {})), "UNSAFE_NAME")
    yield archive_lie("tar-link", tarred(("a", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})), "LINK")
    yield archive_lie("tar-hard-link", tarred(("a", {"type": tarfile.LNKTYPE, "linkname": "../x"})), "LINK")
    yield archive_lie("tar-device", tarred(("a", {"type": tarfile.CHRTYPE})), "SPECIAL_FILE")
    yield archive_lie("tar-duplicate", tarred(("a", {"data": b"1"}), ("./a", {"data": b"2"})), "DUPLICATE_NAME")
    yield archive_lie("zip-duplicate", zipped([("a", b"1"), ("a", b"2")]), "DUPLICATE_NAME")
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    yield archive_lie("zip-link", zipped([(link, b"/etc/passwd")]), "LINK")


def bombs():
    """Archives that unpack to far more than they are."""
    zeros = b"\0" * (64 << 20)
    yield archive_lie("zip-bomb", zipped([("a", zeros)]), "RATIO_TOO_HIGH")
    yield archive_lie("gzip-bomb", gzip.compress(zeros), "RATIO_TOO_HIGH")
    yield archive_lie("tar-gz-bomb", tarred(("a", {"data": zeros}), mode="w:gz"), "RATIO_TOO_HIGH")
    yield archive_lie("unpacked-too-large", zipped([("a", zeros), ("b", zeros)]), "UNPACKED_TOO_LARGE", max_unpacked_bytes=100 << 20, max_ratio=5000)
    yield archive_lie("overlapping", overlapping(50), "OVERLAP")
    inner = zipped([("x", b"y")])
    for level in range(4):
        inner = zipped([(f"level{level}.zip", inner)])
    yield archive_lie("nested", inner, "NESTED_TOO_DEEP")
    yield archive_lie("nested-bomb", zipped([("a.zip", zipped([("a", zeros)]))]), "RATIO_TOO_HIGH")
    yield archive_lie("nested-under-another-name", zipped([("a.txt", zipped([("../x", b"")]))]), "UNSAFE_NAME")
    yield archive_lie("nested-in-tar", tarred(("a.zip", {"data": zipped([("../x", b"")])})), "UNSAFE_NAME")
    yield archive_lie("nested-in-tar-gz", tarred(("a.zip", {"data": zipped([("../x", b"")])}), mode="w:gz"), "UNSAFE_NAME")
    yield archive_lie("nested-in-gzip", gzip.compress(zipped([("../x", b"")])), "UNSAFE_NAME")
    yield archive_lie("gzip-in-gzip", gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))), "NESTED_TOO_DEEP")
    yield archive_lie("many-entries", zipped([(str(n), b"") for n in range(100_000)], zipfile.ZIP_STORED), "TOO_MANY_ENTRIES")
    yield archive_lie("many-entries-tar", tarred(*((str(n), {}) for n in range(10_001))), "TOO_MANY_ENTRIES")


def damaged():
    """Archives that are not complete, or that programs read differently."""
    archive = zipped([("a.txt", b"text " * 100), ("b.txt", b"more " * 100)])
    yield archive_lie("zip-truncated", archive[:-30], "TRUNCATED")
    yield archive_lie("zip-begins-late", b"MZ" + b"\0" * 100 + archive, "DATA_BEFORE")
    yield archive_lie("zip-and-more", archive + b"more", "DATA_AFTER")
    yield archive_lie("zip-encrypted", patched(patched(archive, b"PK\3\4", 6, b"\1"), b"PK\1\2", 8, b"\1"), "ENCRYPTED")
    yield archive_lie("zip-aes", patched(archive, b"PK\1\2", 10, b"\x63\0"), "ENCRYPTED")
    yield archive_lie("zip-two-names", patched(archive, b"PK\3\4", 30, b"c"), "NAMES_DIFFER")
    yield archive_lie("zip-smaller-than-it-is", patched(archive, b"PK\1\2", 24, b"\1\0\0\0"), "SIZE_DIFFERS")
    yield archive_lie("zip-wrong-count", patched(archive, b"PK\5\6", 8, b"\1\0\1\0"), "MALFORMED")
    other = zipped([("other", b"x")])
    yield archive_lie("zip-two-directories", zipped([("a", b"x")], comment=other), "AMBIGUOUS")
    yield archive_lie("zip-two-directories-and-more", zipped([("a", b"x")], comment=other + b"more"), "AMBIGUOUS")
    yield archive_lie("tar-truncated", tarred(("a", {"data": b"x" * 5000}))[:2048], "TRUNCATED")
    yield archive_lie("gzip-truncated", gzip.compress(b"some text that is long enough")[:-12], "TRUNCATED")
    yield archive_lie("gzip-and-more", gzip.compress(b"x") + b"more", "DATA_AFTER")
    yield archive_lie("zip64-huge", zip64(1 << 40), "UNPACKED_TOO_LARGE")
    yield archive_lie("seven-zip", b"7z\xbc\xaf\x27\x1c" + b"\0" * 60, "ARCHIVE_UNSUPPORTED")
    yield archive_lie("rar-in-zip", zipped([("a.rar", b"Rar!\x1a\x07\x01\0")]), "NESTED_UNREADABLE")


def zip64(size):
    """An archive of one entry whose size is in a field of zip64."""
    extra = struct.pack("<HHQ", 1, 8, size)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45, 0, 0, 0, 0, 0, 1, 0xFFFFFFFF, 1, 0) + b"ax"
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 45, 45, 0, 0, 0, 0, 0, 1, 0xFFFFFFFF, 1, len(extra), 0, 0, 0, 0, 0)
    directory = entry + b"a" + extra
    return local + directory + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)


def images():
    """Images that take more memory than their sizes tell."""
    yield image_lie("png-huge", png(60_000, 60_000), "DIMENSIONS_TOO_LARGE")
    yield image_lie("png-many-pixels", png(15_000, 15_000), "TOO_MANY_PIXELS")
    yield image_lie("gif-many-frames", gif(2000), "TOO_MANY_FRAMES")
    yield image_lie("gif-animation", gif(2), "TOO_MANY_FRAMES", max_frames=1)
    yield image_lie("gif-truncated", gif()[:-3], "IMAGE_DAMAGED")
    yield image_lie("png-truncated", png(end=False), "IMAGE_DAMAGED")
    yield image_lie("apng-many-frames", png(extra=chunk(b"acTL", struct.pack(">II", 5000, 0))), "TOO_MANY_FRAMES")
    yield image_lie("gif-wide", gif(1, 40_000, 1), "DIMENSIONS_TOO_LARGE")
    yield image_lie("svg", SVG, "NOT_AN_IMAGE")
    yield image_lie("empty", b"", "IMAGE_DAMAGED")
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIIHHII", 2, 256, 3, 1, 1, 257, 3, 1, 1) + struct.pack("<I", 8)
    yield image_lie("tiff-endless", tiff, "TOO_MANY_FRAMES")


def lies():
    """All of them."""
    for part in (hidden_markup, polyglots, wrong_types, names, bombs, damaged, images):
        yield from part()
