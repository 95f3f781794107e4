//! Small files of many formats, as seeds of the target that inspects them.

/// Returns files, whole and cut.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let archive = zip(&[("META-INF/MANIFEST.MF", b"x"), ("a.txt", b"text"), ("../b", b"")]);
    let nested = zip(&[("a.zip", &archive), ("b.tar", &tar("c", b"text"))]);
    let gif = [
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".as_slice(),
        &GIF_FRAME.repeat(2),
        b";",
    ]
    .concat();
    let files: Vec<Vec<u8>> = vec![
        [&gif[..], &archive].concat(),
        [b"%PDF-1.4\n".as_slice(), &archive].concat(),
        zip(&[("mimetype", b"application/epub+zip"), ("x", b"")]),
        zip(&[("[Content_Types].xml", b""), ("word/document.xml", b"")]),
        tar("directory/name", b"text"),
        tar("nested.zip", &archive),
        gzip(b"text"),
        gzip(&tar("name", b"text")),
        gzip(&nested),
        png(),
        b"RIFF\x1c\0\0\0WEBPANMF\x10\0\0\0\0\0\0\0\0\0\x01\0\0\x01\0\0\0\0\0\0".to_vec(),
        tiff(),
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xd9".to_vec(),
        b"\0\0\0\x18ftypavif\0\0\0\0mif1avif\0\0\0\x28meta\0\0\0\0\0\0\0\x1ciprp\0\0\0\x14ipco\0\0\0\x14ispe\0\0\0\0\0\0\0\x01\0\0\0\x01".to_vec(),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".iter().chain([0; 1000].iter()).copied().collect(),
        b"\x1aE\xdf\xa3\x93B\x82\x88matroska".to_vec(),
        b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0".to_vec(),
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c\x20\0\0\0\0\0\0\0\x01\0\0\0\x01\x02".to_vec(),
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'b'>]><!-- x --><svg onload='alert(1)'/>".to_vec(),
        b"\xff\xfe<\0h\0t\0m\0l\0>\0".to_vec(),
        "Füchse und Größen\n".repeat(20).into_bytes(),
        archive,
        nested,
        gif,
    ];
    let cut = |file: &Vec<u8>| {
        (1..=8)
            .map(|eighth| file[..file.len() * eighth / 8].to_vec())
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(cut).collect()
}

const GIF_FRAME: &[u8] = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0";

/// An archive of entries that are not compressed.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = length(archive.len()).to_le_bytes();
        let size = length(data.len()).to_le_bytes();
        let name_length = &length(name.len()).to_le_bytes()[..2];
        let common = [
            b"\x14\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(),
            &size,
            &size,
            name_length,
            b"\0\0",
        ]
        .concat();
        archive.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), data].concat());
        directory.extend(
            [
                b"PK\x01\x02\x14\0".as_slice(),
                &common,
                &[0; 10],
                &offset,
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = &length(entries.len()).to_le_bytes()[..2];
    let places = [
        length(directory.len()).to_le_bytes(),
        length(archive.len()).to_le_bytes(),
    ]
    .concat();
    archive.extend(directory);
    archive.extend([b"PK\x05\x06\0\0\0\0".as_slice(), count, count, &places, b"\0\0"].concat());
    archive
}

/// An archive of one file.
fn tar(name: &str, data: &[u8]) -> Vec<u8> {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut archive = [&block[..], data].concat();
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// A member in one block that is not compressed.
fn gzip(data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(data.len()).expect("a short text");
    let header = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0\x01";
    [
        header.as_slice(),
        &size.to_le_bytes(),
        &(!size).to_le_bytes(),
        data,
        &[0; 8],
    ]
    .concat()
}

fn png() -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| [&length(data.len()).to_be_bytes(), kind, data, &[0; 4]].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0"),
        chunk(b"acTL", b"\0\0\0\x02\0\0\0\0"),
        chunk(b"fcTL", &[1; 26]),
        chunk(b"tEXt", b"Comment\0<html>"),
        chunk(b"IDAT", b"x"),
        chunk(b"IEND", b""),
    ]
    .concat()
}

/// Two pages of one pixel.
fn tiff() -> Vec<u8> {
    let fields = b"\x02\0\0\x01\x03\0\x01\0\0\0\x01\0\0\0\x01\x01\x03\0\x01\0\0\0\x01\0\0\0";
    [
        b"II*\0\x08\0\0\0".as_slice(),
        fields,
        b"\x26\0\0\0",
        fields,
        b"\0\0\0\0",
    ]
    .concat()
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a short file")
}
