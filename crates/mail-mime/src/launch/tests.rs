use super::*;

const PDF: &[u8] = b"%PDF-1.7\n";
const ZIP: &[u8] = b"PK\x03\x04....";

#[test]
fn nothing_that_can_run_is_ever_opened() {
    let extensions = [
        "ade",
        "adp",
        "apk",
        "app",
        "appimage",
        "applescript",
        "application",
        "appx",
        "asp",
        "aspx",
        "bas",
        "bat",
        "bin",
        "chm",
        "class",
        "cmd",
        "com",
        "command",
        "cpl",
        "crt",
        "csh",
        "deb",
        "desktop",
        "dll",
        "dmg",
        "doc",
        "docb",
        "docm",
        "dot",
        "dotm",
        "elf",
        "exe",
        "flatpak",
        "flatpakref",
        "fxp",
        "gadget",
        "hlp",
        "hta",
        "htm",
        "html",
        "iqy",
        "img",
        "inf",
        "ins",
        "iso",
        "isp",
        "jar",
        "jnlp",
        "js",
        "jse",
        "jsp",
        "ksh",
        "library-ms",
        "lnk",
        "mad",
        "maf",
        "mam",
        "maq",
        "mar",
        "mas",
        "mat",
        "mau",
        "mav",
        "maw",
        "mda",
        "mdb",
        "mde",
        "mht",
        "mhtml",
        "msc",
        "msh",
        "msi",
        "msix",
        "msp",
        "mst",
        "ops",
        "osd",
        "out",
        "pcd",
        "php",
        "pif",
        "pkg",
        "pl",
        "plg",
        "pot",
        "potm",
        "ppam",
        "ppsm",
        "ppt",
        "pptm",
        "prf",
        "ps1",
        "ps1xml",
        "ps2",
        "psc1",
        "psd1",
        "psm1",
        "pst",
        "py",
        "pyc",
        "pyw",
        "pyz",
        "rb",
        "reg",
        "rpm",
        "run",
        "scf",
        "scr",
        "sct",
        "search-ms",
        "service",
        "settingcontent-ms",
        "sh",
        "shb",
        "shs",
        "sldm",
        "slk",
        "snap",
        "so",
        "svg",
        "svgz",
        "swf",
        "sys",
        "timer",
        "tmp",
        "ts",
        "url",
        "vb",
        "vbe",
        "vbp",
        "vbs",
        "vhd",
        "vhdx",
        "vsmacros",
        "vsw",
        "vxd",
        "webloc",
        "website",
        "ws",
        "wsc",
        "wsf",
        "wsh",
        "xbap",
        "xhtml",
        "xla",
        "xlam",
        "xls",
        "xlsb",
        "xlsm",
        "xlt",
        "xltm",
        "xml",
        "xnk",
        "xsl",
        "zsh",
    ];
    assert!(extensions.len() >= 120);
    let types = [
        "application/octet-stream",
        "application/pdf",
        "image/png",
        "text/plain",
        "",
        "application/zip",
    ];
    for extension in extensions {
        for media_type in types {
            for name in [
                format!("file.{extension}"),
                format!("report.pdf.{extension}"),
                format!("FILE.{}", extension.to_uppercase()),
                format!("file.{extension} . ."),
                format!("file.\u{202e}{extension}"),
                format!("file.{extension}\u{200b}"),
            ] {
                let verdict = verdict(&name, media_type, b"");
                assert_ne!(verdict, Launch::Open, "{name:?} {media_type}");
            }
        }
    }
}

#[test]
fn ordinary_files_are_opened() {
    for (name, media_type, head) in [
        ("report.pdf", "application/pdf", PDF),
        ("report.PDF", "application/octet-stream", PDF),
        ("", "application/pdf", PDF),
        ("photo.jpg", "image/jpeg", b"\xff\xd8\xff\xe0"),
        ("photo.jpeg", "image/jpg", b""),
        ("scan.png", "image/png", b"\x89PNG\r\n\x1a\n"),
        ("letter.odt", "application/vnd.oasis.opendocument.text", ZIP),
        (
            "table.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ZIP,
        ),
        ("table.xlsx", "application/octet-stream", ZIP),
        ("notes.txt", "text/plain; charset=utf-8", b"Hello"),
        ("list.csv", "text/csv", b"a,b"),
        ("invite.ics", "text/calendar", b"BEGIN:VCALENDAR"),
        ("invite.ics", "application/ics", b"BEGIN:VCALENDAR"),
        ("ana.vcf", "text/vcard", b"BEGIN:VCARD"),
        ("old.eml", "message/rfc822", b"From: ana@choir.example"),
        ("photos.zip", "application/x-zip-compressed", ZIP),
        ("song.mp3", "audio/mpeg", b"ID3"),
        ("film.mp4", "video/mp4", b"\0\0\0\x18ftyp"),
        ("signature.asc", "application/pgp-signature", b"-----BEGIN"),
        ("fix.patch", "text/x-diff", b"diff --git"),
    ] {
        assert_eq!(verdict(name, media_type, head), Launch::Open, "{name}");
    }
}

#[test]
fn a_name_that_does_not_fit_its_type_is_a_mismatch() {
    for (name, media_type) in [
        ("report.pdf", "image/png"),
        ("photo.png", "application/pdf"),
        ("photo.jpg", "application/zip"),
        ("notes.txt", "image/jpeg"),
        ("song.mp3", "application/pdf"),
    ] {
        assert_eq!(verdict(name, media_type, b""), Launch::Mismatch, "{name}");
    }
}

#[test]
fn content_that_runs_is_a_mismatch_whatever_it_is_called() {
    for head in [
        &b"\x7fELF\x02\x01"[..],
        b"MZ\x90\0",
        b"#!/bin/sh\n",
        b"\xca\xfe\xba\xbe\0",
        b"<html><script>",
        b"\xef\xbb\xbf <!DOCTYPE html>",
        b"<?xml version='1.0'?><svg/>",
        b"\n[Desktop Entry]\nExec=x",
        b"[InternetShortcut]\r\nURL=file:",
        b"L\0\0\0\x01\x14\x02\0",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"!<arch>\ndebian-binary",
    ] {
        for (name, media_type) in [
            ("report.pdf", "application/pdf"),
            ("photo.png", "image/png"),
            ("notes.txt", "text/plain"),
        ] {
            assert_eq!(verdict(name, media_type, head), Launch::Mismatch, "{name}");
        }
    }
}

#[test]
fn content_of_another_kind_is_a_mismatch() {
    assert_eq!(verdict("a.png", "image/png", PDF), Launch::Mismatch);
    assert_eq!(verdict("a.pdf", "application/pdf", ZIP), Launch::Mismatch);
    assert_eq!(
        verdict("a.txt", "text/plain", b"\x89PNG\r\n\x1a\n"),
        Launch::Mismatch
    );
}

#[test]
fn a_type_that_runs_is_only_saved_even_under_a_harmless_name() {
    for media_type in [
        "text/html",
        "image/svg+xml",
        "application/x-sh",
        "application/x-desktop",
        "application/java-archive",
        "application/x-msdownload",
        "application/vnd.ms-word.document.macroenabled.12",
        "application/xhtml+xml",
        "APPLICATION/JavaScript; charset=utf-8",
    ] {
        assert_ne!(
            verdict("notes.txt", media_type, b""),
            Launch::Open,
            "{media_type}"
        );
    }
}

#[test]
fn direction_marks_in_a_name_are_spelled_out() {
    let shown = display_name("invoice\u{202e}fdp.exe");
    assert_eq!(shown.text, "invoice‹U+202E›fdp.exe");
    assert!(shown.hidden_characters);
}

#[test]
fn the_extension_that_counts_is_named_when_another_stands_before_it() {
    assert_eq!(
        display_name("invoice.pdf.exe").double_extension.as_deref(),
        Some("exe")
    );
    assert_eq!(
        display_name("photo.jpg                                  .scr")
            .double_extension
            .as_deref(),
        Some("scr")
    );
    assert_eq!(
        display_name("photo.jpg         .scr").text,
        "photo.jpg .scr"
    );
    for harmless in [
        "archive.tar.gz",
        "v1.2.pdf",
        "report.pdf",
        "a.b.exe",
        "x",
        "",
    ] {
        assert_eq!(display_name(harmless).double_extension, None, "{harmless}");
    }
}

#[test]
fn joined_emoji_in_a_name_are_left_whole() {
    let name = "👩\u{200d}👧 ❤\u{fe0f}.png";
    assert_eq!(display_name(name).text, name);
    assert!(!display_name(name).hidden_characters);
    assert!(display_name("a\u{200d}b.png").hidden_characters);
}

#[test]
fn an_extension_that_grows_in_lower_case_is_shown_like_any_other() {
    assert_eq!(
        display_name("b.\u{23a}\u{23a}\u{23a}").double_extension,
        None
    );
}
