//! Which attachments may be handed to the desktop to open, and how their names are shown.
//!
//! Opening is allowed by kind, never forbidden by kind: a kind nobody thought of is only saved.
//! The name, the claimed media type and the first bytes each may make the answer stricter.

use crate::file_name::{extension, is_invisible, safe};

/// What may be done with an attachment besides saving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Launch {
    /// It may be opened with the desktop's program for it.
    Open,
    /// It can run something, or nobody knows what it is; it is only saved.
    SaveOnly,
    /// Its name, its type and its content do not agree; it is only saved, and the person is told.
    Mismatch,
}

/// Kinds of content that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Archive,
    Audio,
    Calendar,
    Contact,
    Mail,
    Office,
    Pdf,
    Picture,
    Text,
    Video,
}

/// What one of the three says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Is(Kind),
    /// Something that runs.
    Runs,
    /// Nothing certain.
    Nothing,
}

/// Decides by name, by claimed media type and by content.
///
/// `head` is the beginning of the content, 512 octets are enough; empty when it is not here yet.
#[must_use]
pub fn verdict(name: &str, media_type: &str, head: &[u8]) -> Launch {
    let media_type = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let Some(by_name) = extension(&safe(name, &media_type)).and_then(|e| by_extension(&e)) else {
        return Launch::SaveOnly;
    };
    let by_content = by_content(head);
    match (by_media_type(&media_type), by_content) {
        (_, Says::Runs) => Launch::Mismatch,
        (Says::Runs, _) => Launch::SaveOnly,
        (Says::Is(kind), _) if !same(kind, by_name) => Launch::Mismatch,
        (_, Says::Is(kind)) if !same(kind, by_name) => Launch::Mismatch,
        _ => Launch::Open,
    }
}

fn same(said: Kind, by_name: Kind) -> bool {
    said == by_name
        || match by_name {
            // Lists and notes are text to many programs.
            Kind::Calendar | Kind::Contact | Kind::Mail => said == Kind::Text,
            // Office files are archives inside.
            Kind::Office => said == Kind::Archive,
            Kind::Audio => said == Kind::Video,
            Kind::Video => said == Kind::Audio,
            _ => false,
        }
}

fn by_extension(extension: &str) -> Option<Kind> {
    Some(match extension {
        "7z" | "bz2" | "gz" | "rar" | "tar" | "tgz" | "xz" | "zip" | "zst" => Kind::Archive,
        "aac" | "flac" | "m4a" | "mp3" | "oga" | "ogg" | "opus" | "wav" => Kind::Audio,
        "ics" | "ifb" => Kind::Calendar,
        "vcf" => Kind::Contact,
        "eml" => Kind::Mail,
        // The forms of these that carry macros have extensions of their own.
        "docx" | "odp" | "ods" | "odt" | "pptx" | "xlsx" => Kind::Office,
        "pdf" => Kind::Pdf,
        "avif" | "bmp" | "gif" | "heic" | "heif" | "jpeg" | "jpg" | "png" | "tif" | "tiff"
        | "webp" => Kind::Picture,
        "asc" | "csv" | "diff" | "json" | "log" | "md" | "patch" | "text" | "tsv" | "txt" => {
            Kind::Text
        }
        "avi" | "m4v" | "mkv" | "mov" | "mp4" | "mpeg" | "mpg" | "ogv" | "webm" => Kind::Video,
        _ => return None,
    })
}

fn by_media_type(media_type: &str) -> Says {
    let (group, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
    Says::Is(match (group, subtype) {
        ("image", "svg+xml" | "svg")
        | ("text", "html" | "xml" | "javascript" | "ecmascript" | "x-python" | "x-perl")
        | ("text", "x-shellscript" | "x-sh" | "vbscript" | "x-script" | "css") => {
            return Says::Runs;
        }
        ("text", "calendar") => Kind::Calendar,
        ("text", "vcard" | "x-vcard" | "directory") => Kind::Contact,
        ("text", _) => Kind::Text,
        ("image", _) => Kind::Picture,
        ("audio", _) => Kind::Audio,
        ("video", _) => Kind::Video,
        ("message", _) => Kind::Mail,
        ("application", "pdf" | "x-pdf") => Kind::Pdf,
        ("application", "ics") => Kind::Calendar,
        ("application", "json" | "pgp-signature" | "pgp-keys" | "pgp-encrypted") => Kind::Text,
        (
            "application",
            "zip" | "x-zip" | "x-zip-compressed" | "gzip" | "x-gzip" | "x-tar" | "x-bzip2" | "x-xz"
            | "x-7z-compressed" | "x-rar" | "x-rar-compressed" | "vnd.rar" | "zstd",
        ) => Kind::Archive,
        ("application", subtype) if is_office(subtype) => Kind::Office,
        ("application", "octet-stream" | "x-octet-stream" | "binary" | "download" | "") => {
            return Says::Nothing;
        }
        ("application", subtype) if runs(subtype) => return Says::Runs,
        _ => return Says::Nothing,
    })
}

fn is_office(subtype: &str) -> bool {
    subtype.starts_with("vnd.openxmlformats-officedocument.")
        || subtype.starts_with("vnd.oasis.opendocument.")
}

fn runs(subtype: &str) -> bool {
    subtype.contains("macroenabled")
        || matches!(
            subtype,
            "ecmascript"
                | "hta"
                | "java-archive"
                | "javascript"
                | "vnd.android.package-archive"
                | "vnd.appimage"
                | "vnd.debian.binary-package"
                | "vnd.flatpak"
                | "vnd.flatpak.ref"
                | "vnd.microsoft.portable-executable"
                | "x-apple-diskimage"
                | "x-bat"
                | "x-csh"
                | "x-deb"
                | "x-debian-package"
                | "x-desktop"
                | "x-dosexec"
                | "x-elf"
                | "x-executable"
                | "x-iso9660-appimage"
                | "x-java-archive"
                | "x-java-jnlp-file"
                | "x-javascript"
                | "x-mach-binary"
                | "x-ms-dos-executable"
                | "x-ms-installer"
                | "x-ms-shortcut"
                | "x-msdos-program"
                | "x-msdownload"
                | "x-msi"
                | "x-perl"
                | "x-php"
                | "x-python"
                | "x-redhat-package-manager"
                | "x-rpm"
                | "x-ruby"
                | "x-sh"
                | "x-sharedlib"
                | "x-shellscript"
                | "x-shockwave-flash"
                | "xhtml+xml"
                | "xml"
        )
}

fn by_content(head: &[u8]) -> Says {
    if crate::picture::inspect(head).is_ok() {
        return Says::Is(Kind::Picture);
    }
    let known: &[(&[u8], Says)] = &[
        (b"\x7fELF", Says::Runs),
        (b"MZ", Says::Runs),
        (b"#!", Says::Runs),
        (b"\xca\xfe\xba\xbe", Says::Runs),
        (b"\xcf\xfa\xed\xfe", Says::Runs),
        (b"\xce\xfa\xed\xfe", Says::Runs),
        (b"!<arch>", Says::Runs),
        (b"\xed\xab\xee\xdb", Says::Runs),
        (b"L\0\0\0\x01\x14\x02\0", Says::Runs),
        // Old office files may carry macros that run.
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Says::Runs),
        (b"%PDF-", Says::Is(Kind::Pdf)),
        (b"\x89PNG\r\n\x1a\n", Says::Is(Kind::Picture)),
        (b"\xff\xd8\xff", Says::Is(Kind::Picture)),
        (b"GIF8", Says::Is(Kind::Picture)),
        (b"PK\x03\x04", Says::Is(Kind::Archive)),
        (b"\x1f\x8b", Says::Is(Kind::Archive)),
        (b"Rar!", Says::Is(Kind::Archive)),
        (b"7z\xbc\xaf\x27\x1c", Says::Is(Kind::Archive)),
        (b"BZh", Says::Is(Kind::Archive)),
        (b"\xfd7zXZ\0", Says::Is(Kind::Archive)),
        (b"BEGIN:VCALENDAR", Says::Is(Kind::Calendar)),
        (b"BEGIN:VCARD", Says::Is(Kind::Contact)),
    ];
    if let Some((_, says)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *says;
    }
    let text = head.get(..head.len().min(512)).unwrap_or_default();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = text.trim_ascii_start().to_ascii_lowercase();
    let document: &[&[u8]] = &[
        b"<!doctype html",
        b"<html",
        b"<script",
        b"<svg",
        b"<?xml",
        b"<hta:",
        b"[desktop entry]",
        b"[internetshortcut]",
    ];
    if document.iter().any(|start| text.starts_with(start)) {
        Says::Runs
    } else {
        Says::Nothing
    }
}

/// A name as it is shown, and whether something about it needs a word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisplayName {
    /// The name, white space folded, invisible and direction-changing characters spelled out as
    /// `‹U+202E›`.
    pub text: String,
    /// The name hid characters that change how it reads.
    pub hidden_characters: bool,
    /// The extension that counts, when the name pretends to have another one before it.
    pub double_extension: Option<String>,
}

/// How a sender's file name is shown. Empty for an empty name.
#[must_use]
pub fn display_name(name: &str) -> DisplayName {
    let mut shown = DisplayName::default();
    let mut before = ' ';
    let folded = name.split_whitespace().collect::<Vec<_>>().join(" ");
    for c in folded.chars() {
        if !is_invisible(c) || joins(before, c) {
            shown.text.push(c);
        } else {
            shown.hidden_characters = true;
            shown.text.push_str(&format!("‹U+{:04X}›", u32::from(c)));
        }
        before = c;
    }
    shown.double_extension = double_extension(name);
    shown
}

/// Joiners and variation marks belong to what stands before them in emoji and several scripts.
fn joins(before: char, c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
        && !before.is_ascii()
        && !is_invisible(before)
}

fn double_extension(name: &str) -> Option<String> {
    let name = safe(name, "");
    let last = extension(&name)?;
    let (stem, _) = name.rsplit_once('.')?;
    let pretended = extension(stem.trim_end())?;
    let harmless = by_extension(&last).is_some();
    let known = by_extension(&pretended).is_some()
        || matches!(pretended.as_str(), "doc" | "html" | "ppt" | "rtf" | "xls");
    (known && !harmless).then_some(last)
}

#[cfg(test)]
mod tests;
