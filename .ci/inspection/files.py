"""Files as other people's programs make them: make(DIRECTORY) returns (path, media type to declare)."""

import bz2
import gzip
import lzma
import shutil
import sqlite3
import subprocess
import tarfile
import wave
import zipfile
from pathlib import Path

import docx
import openpyxl
import pptx
import xlsxwriter
from ebooklib import epub
from odf.opendocument import OpenDocumentPresentation, OpenDocumentSpreadsheet, OpenDocumentText
from PIL import Image, ImageDraw

OFFICE = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."

# What Pillow writes: suffix, media type, options.
PICTURES = [
    ("png", "image/png", {}),
    ("jpg", "image/jpeg", {}),
    ("gif", "image/gif", {}),
    ("webp", "image/webp", {}),
    ("bmp", "image/bmp", {}),
    ("tiff", "image/tiff", {}),
    ("ico", "image/vnd.microsoft.icon", {}),
    ("ppm", "image/x-portable-pixmap", {}),
    ("jp2", "image/jp2", {}),
    ("pdf", "application/pdf", {}),
    ("avif", "image/avif", {}),
]

# What ffmpeg writes: suffix, media type, arguments.
MEDIA = [
    ("mp4", "video/mp4", ["-f", "mp4", "-c:v", "mpeg4"]),
    ("front.mp4", "video/mp4", ["-f", "mp4", "-c:v", "mpeg4", "-movflags", "+faststart"]),
    ("mov", "video/quicktime", ["-f", "mov", "-c:v", "mpeg4"]),
    ("mkv", "video/x-matroska", ["-f", "matroska", "-c:v", "mpeg4"]),
    ("webm", "video/webm", ["-f", "webm", "-c:v", "libvpx"]),
    ("avi", "video/x-msvideo", ["-f", "avi", "-c:v", "mpeg4"]),
    ("flv", "video/x-flv", ["-f", "flv", "-c:v", "flv"]),
    ("mpg", "video/mpeg", ["-f", "mpeg", "-c:v", "mpeg1video", "-r", "25"]),
    ("wmv", "video/x-ms-wmv", ["-f", "asf", "-c:v", "wmv2"]),
    ("ogv", "video/ogg", ["-f", "ogg", "-c:v", "libtheora"]),
]
SOUNDS = [
    ("mp3", "audio/mpeg", ["-f", "mp3"]),
    ("flac", "audio/flac", ["-f", "flac"]),
    ("ogg", "audio/ogg", ["-f", "ogg", "-c:a", "libvorbis"]),
    ("opus", "audio/ogg", ["-f", "ogg", "-c:a", "libopus"]),
    ("m4a", "audio/mp4", ["-f", "ipod", "-c:a", "aac"]),
    ("aac", "audio/aac", ["-f", "adts", "-c:a", "aac"]),
    ("aiff", "audio/x-aiff", ["-f", "aiff"]),
    ("au", "audio/basic", ["-f", "au"]),
    ("wav", "audio/vnd.wave", ["-f", "wav"]),
]

TEXTS = [
    ("txt", "text/plain", "The quick brown fox.\n" * 20),
    ("utf8.txt", "text/plain", "Füchse und Größen: 狐 и лиса\n" * 20),
    ("bm.txt", "text/plain", "BM is how a bitmap begins, and MZ a program.\n"),
    ("mz.txt", "text/plain", "MZ is how a program begins.\n"),
    ("csv", "text/csv", "name,size\na,1\nb,2\n" * 20),
    ("md", "text/markdown", "# Title\n\nSome *text*, and `<script>` in it.\n"),
    ("json", "application/json", '{"a": [1, 2, 3], "b": "x"}\n'),
    ("yaml", "application/yaml", "a:\n  - b\n  - c\n"),
    ("html", "text/html", "<!DOCTYPE html>\n<html><head><title>x</title></head><body>y</body></html>\n"),
    ("svg", "image/svg+xml", '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>\n'),
    ("xml", "application/xml", '<?xml version="1.0"?>\n<order><line n="1"/></order>\n'),
    ("rtf", "application/rtf", "{\\rtf1\\ansi\\deff0 {\\fonttbl {\\f0 Arial;}} Hello}\n"),
    ("ics", "text/calendar", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b//EN\r\nEND:VCALENDAR\r\n"),
    ("vcf", "text/vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A B\r\nEND:VCARD\r\n"),
    ("ps", "application/postscript", "%!PS-Adobe-3.0\n%%Pages: 1\nshowpage\n"),
]


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def pictures(home):
    for number, (width, height) in enumerate([(1, 1), (2, 3), (40, 30), (33, 47), (640, 480), (800, 20), (1200, 900)]):
        image = Image.effect_noise((width, height), 60).convert("RGB")
        ImageDraw.Draw(image).line((0, 0, width, height), fill=(255, 0, 0))
        for suffix, media_type, options in PICTURES:
            path = home / f"picture{number}.{suffix}"
            image.save(path, **options)
            yield path, media_type
    frames = [Image.effect_noise((50, 50), n).convert("L") for n in (10, 50, 90)]
    for suffix, media_type in [("gif", "image/gif"), ("webp", "image/webp"), ("png", "image/png"), ("tiff", "image/tiff")]:
        path = home / f"frames.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        yield path, media_type
    for suffix, media_type in [("jpg", "image/jpeg"), ("png", "image/png"), ("tga", None), ("psd", "image/vnd.adobe.photoshop")]:
        path = home / f"magick.{suffix}"
        run("convert", "-size", "60x40", "plasma:", str(path))
        if media_type:
            yield path, media_type


def media(home):
    video = ["-f", "lavfi", "-i", "testsrc=duration=1:size=160x120:rate=10"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=1"]
    jobs = [(*row, [*video, *sound, "-shortest"]) for row in MEDIA] + [(*row, sound) for row in SOUNDS]
    for suffix, media_type, options, inputs in jobs:
        path = home / f"media.{suffix}"
        run("ffmpeg", "-y", "-nostdin", "-threads", "1", *inputs, *options, "-strict", "-2", str(path))
        yield path, media_type
    for number, rate in enumerate([8000, 44100]):
        path = home / f"python{number}.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(b"\x00\x10" * rate)
        yield path, "audio/vnd.wave"


def documents(home):
    for number in range(4):
        document = docx.Document()
        for line in range(10**number):
            document.add_paragraph(f"line {line} of many")
        if number == 2:
            document.add_picture(str(home / "picture1.png"))
        path = home / f"word{number}.docx"
        document.save(path)
        yield path, OFFICE + "wordprocessingml.document"
        book = openpyxl.Workbook()
        for row in range(10**number):
            book.active.append([row, f"row {row}", row * 1.5])
        path = home / f"openpyxl{number}.xlsx"
        book.save(path)
        yield path, OFFICE + "spreadsheetml.sheet"
        path = home / f"xlsxwriter{number}.xlsx"
        with xlsxwriter.Workbook(str(path)) as other:
            sheet = other.add_worksheet()
            for row in range(10**number):
                sheet.write(row, 0, row)
        yield path, OFFICE + "spreadsheetml.sheet"
        slides = pptx.Presentation()
        for slide in range(number + 1):
            slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = f"slide {slide}"
        path = home / f"slides{number}.pptx"
        slides.save(path)
        yield path, OFFICE + "presentationml.presentation"
    for kind, make in [("text", OpenDocumentText), ("spreadsheet", OpenDocumentSpreadsheet), ("presentation", OpenDocumentPresentation)]:
        path = home / f"odf.{kind}"
        make().save(str(path))
        yield path, ODF + kind
    book = epub.EpubBook()
    book.set_title("x")
    chapter = epub.EpubHtml(title="y", file_name="y.xhtml")
    chapter.content = "<p>z</p>"
    book.add_item(chapter)
    book.spine = [chapter]
    path = home / "book.epub"
    epub.write_epub(str(path), book)
    yield path, "application/epub+zip"
    for options in [["--linearize"], ["--qdf"], ["--encrypt", "", "secret", "256", "--"], ["--object-streams=generate"]]:
        path = home / f"qpdf{options[0]}.pdf"
        run("qpdf", *options, str(home / "picture2.pdf"), str(path))
        yield path, "application/pdf"


def office(home):
    """Documents that LibreOffice has converted, from each kind to its own, the one of Microsoft and PDF."""
    sources = {
        "word2.docx": [
            ("odt", ODF + "text"),
            ("fodt", None),
            ("docx", OFFICE + "wordprocessingml.document"),
            ("doc", "application/msword"),
            ("rtf", "application/rtf"),
            ("epub", "application/epub+zip"),
            ("html", "text/html"),
            ("pdf", "application/pdf"),
        ],
        "openpyxl2.xlsx": [
            ("ods", ODF + "spreadsheet"),
            ("xlsx", OFFICE + "spreadsheetml.sheet"),
            ("xls", "application/vnd.ms-excel"),
            ("csv", "text/csv"),
        ],
        "slides2.pptx": [
            ("odp", ODF + "presentation"),
            ("pptx", OFFICE + "presentationml.presentation"),
            ("ppt", "application/vnd.ms-powerpoint"),
        ],
    }
    made = home / "office"
    profile = f"-env:UserInstallation=file://{home / 'profile'}"
    for source, kinds in sources.items():
        for suffix, media_type in kinds:
            run("soffice", profile, "--headless", "--convert-to", suffix, "--outdir", str(made), str(home / source))
            yield made / f"{Path(source).stem}.{suffix}", media_type


def archives(home):
    inside = home / "inside"
    inside.mkdir()
    for name in ["a.txt", "b.csv", "c.md"]:
        (inside / name).write_text(f"{name}\n" * 200)
    shutil.copy(home / "picture2.png", inside / "d.png")
    shutil.copy(home / "word1.docx", inside / "e.docx")
    run("sh", "-c", f"cd {inside} && zip -r ../zip.zip . && zip -0 -r ../stored.zip . && zip -9 -r - . > ../stream.zip")
    run("sh", "-c", f"cd {inside} && 7z a -tzip ../7z.zip . && 7z a ../7z.7z .")
    for name in ["zip.zip", "stored.zip", "stream.zip", "7z.zip"]:
        yield home / name, "application/zip"
    yield home / "7z.7z", "application/x-7z-compressed"
    for kind in ["gnu", "pax", "ustar", "v7"]:
        path = home / f"{kind}.tar"
        run("tar", f"--format={kind}", "-C", str(inside), "-cf", str(path), ".")
        yield path, "application/x-tar"
        for suffix, flag, media_type in [("gz", "z", "application/gzip"), ("bz2", "j", "application/x-bzip2"), ("xz", "J", "application/x-xz")]:
            path = home / f"{kind}.tar.{suffix}"
            run("tar", f"--format={kind}", "-C", str(inside), f"-c{flag}f", str(path), ".")
            yield path, media_type
    for number in range(4):
        path = home / f"python{number}.zip"
        compression = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA][number]
        with zipfile.ZipFile(path, "w", compression) as out:
            for name in sorted(inside.iterdir()):
                out.write(name, name.name)
        yield path, "application/zip"
    path = home / "program.jar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n")
        out.writestr("A.class", bytes.fromhex("cafebabe00000034"))
    yield path, "application/java-archive"
    path = home / "zip64.zip"
    with zipfile.ZipFile(path, "w") as out, out.open("a.txt", "w", force_zip64=True) as entry:
        entry.write(b"a" * 1000)
    yield path, "application/zip"
    for number, text in enumerate([b"one\n" * 100, b"", Path(__file__).read_bytes()]):
        path = home / f"text{number}.gz"
        path.write_bytes(gzip.compress(text))
        yield path, "application/gzip"
        path = home / f"text{number}.bz2"
        path.write_bytes(bz2.compress(text))
        yield path, "application/x-bzip2"
        path = home / f"text{number}.xz"
        path.write_bytes(lzma.compress(text))
        yield path, "application/x-xz"
    path = home / "two-members.gz"
    path.write_bytes(gzip.compress(b"one") + gzip.compress(b"two"))
    yield path, "application/gzip"


def others(home):
    for suffix, media_type, text in TEXTS:
        for number in range(2):
            path = home / f"text{number}.{suffix}"
            path.write_text(text if number else text + "\n")
            yield path, media_type
    path = home / "utf16.txt"
    path.write_text("The quick brown fox\n" * 5, encoding="utf-16")
    yield path, "text/plain"
    path = home / "latin1.txt"
    path.write_text("Füchse und Größen\n" * 5, encoding="latin-1")
    yield path, "text/plain"
    path = home / "large.csv"
    path.write_text("name,size\n" + "a,1\n" * 100_000)
    yield path, "text/csv"
    path = home / "database.sqlite"
    database = sqlite3.connect(path)
    database.execute("create table t (a)")
    database.commit()
    database.close()
    yield path, "application/vnd.sqlite3"
    yield shutil.copy("/bin/true", home / "program"), None
    path = home / "module.wasm"
    path.write_bytes(b"\0asm\1\0\0\0")
    yield path, "application/wasm"


def make(home):
    """Makes all files in a directory."""
    return [made for part in (pictures, media, documents, office, archives, others) for made in part(home)]
