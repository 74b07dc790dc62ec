//! A sender's file name into one that is safe to write.
//!
//! Only the name is made here. The caller still creates the file in the folder the person chose,
//! never through a link and never over an existing file; [`numbered`] gives the next name to try.

/// The most octets of a safe name.
pub const MAX_OCTETS: usize = 200;
/// The most octets an extension may have to be kept whole.
const MAX_EXTENSION: usize = 24;

/// Names that mean devices on Windows, with any extension.
const RESERVED: &[&str] = &["aux", "clock$", "con", "conin$", "conout$", "nul", "prn"];

/// Characters no file system of ours should have to carry.
const FORBIDDEN: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// A name that can be created in a folder: one path part, nothing hidden, nothing that changes how
/// it reads, at most [`MAX_OCTETS`] octets with its extension kept.
///
/// `media_type` gives an extension to a name that has none.
#[must_use]
pub fn safe(name: &str, media_type: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| is_worth_keeping(part));
    let spoken: String = last
        .unwrap_or_default()
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if FORBIDDEN.contains(&c) { '_' } else { c })
        .collect();
    let folded = spoken.split_whitespace().collect::<Vec<_>>().join(" ");
    let trimmed = folded
        .trim_start_matches(['.', '-', ' ', '~'])
        .trim_end_matches(['.', ' ']);
    let named = if trimmed.is_empty() {
        "attachment"
    } else {
        trimmed
    };
    let mut name = if is_reserved(named) {
        format!("_{named}")
    } else {
        named.to_owned()
    };
    if extension(&name).is_none()
        && let Some(known) = extension_of(media_type)
    {
        name.push('.');
        name.push_str(known);
    }
    shorten(&name, MAX_OCTETS)
}

/// The name to try when `name` is taken: `report (2).pdf` for `number` 2.
#[must_use]
pub fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = split(name);
    let mark = format!(" ({number})");
    let room = MAX_OCTETS.saturating_sub(mark.len() + extension.len());
    format!("{}{mark}{extension}", cut(stem, room))
}

/// The extension that counts, lower case, without its dot; `None` where there is none.
#[must_use]
pub fn extension(name: &str) -> Option<String> {
    let (stem, extension) = split(name);
    let extension = extension.strip_prefix('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_lowercase())
}

/// Characters that cannot be seen, that change direction, or that only control something.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}'
                | '\u{f0000}'..='\u{10ffff}' | '\u{e000}'..='\u{f8ff}'
        )
}

fn is_worth_keeping(part: &str) -> bool {
    part.chars()
        .any(|c| !is_invisible(c) && !c.is_whitespace() && c != '.')
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let lower = stem.to_lowercase();
    if RESERVED.contains(&lower.as_str()) {
        return true;
    }
    // COM1 and LPT1, also with the superscript digits that count there.
    let digit = lower
        .strip_prefix("com")
        .or_else(|| lower.strip_prefix("lpt"));
    digit.is_some_and(|digit| {
        let mut chars = digit.chars();
        matches!(chars.next(), Some('0'..='9' | '¹' | '²' | '³')) && chars.next().is_none()
    })
}

/// The stem, and the extension with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => {
            let (stem, extension) = name.split_at(at);
            let is_one =
                extension.len() <= MAX_EXTENSION + 1 && !extension.contains(char::is_whitespace);
            if is_one {
                (stem, extension)
            } else {
                (name, "")
            }
        }
        _ => (name, ""),
    }
}

fn shorten(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let stem = cut(stem, most - extension.len());
    format!("{stem}{extension}")
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most.min(text.len())))
        .unwrap_or_default()
        .trim_end_matches(['.', ' '])
}

/// The usual extension of a media type, for parts without a name.
fn extension_of(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "application/gzip" => "gz",
        "application/json" => "json",
        "application/msword" => "doc",
        "application/pdf" => "pdf",
        "application/pgp-signature" => "asc",
        "application/pkcs7-mime" => "p7m",
        "application/pkcs7-signature" => "p7s",
        "application/rtf" | "text/rtf" => "rtf",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.ms-powerpoint" => "ppt",
        "application/vnd.oasis.opendocument.presentation" => "odp",
        "application/vnd.oasis.opendocument.spreadsheet" => "ods",
        "application/vnd.oasis.opendocument.text" => "odt",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/xml" | "text/xml" => "xml",
        "application/zip" => "zip",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "audio/wav" | "audio/x-wav" => "wav",
        "image/avif" => "avif",
        "image/bmp" => "bmp",
        "image/gif" => "gif",
        "image/heic" => "heic",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/png" => "png",
        "image/svg+xml" => "svg",
        "image/tiff" => "tiff",
        "image/webp" => "webp",
        "message/rfc822" | "message/global" => "eml",
        "text/calendar" => "ics",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "text/plain" => "txt",
        "text/vcard" | "text/x-vcard" => "vcf",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "video/webm" => "webm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_extension_gets_that_of_its_type() {
        assert_eq!(safe("", "application/pdf"), "attachment.pdf");
        assert_eq!(safe("minutes", "text/plain"), "minutes.txt");
        assert_eq!(safe("minutes.odt", "text/plain"), "minutes.odt");
        assert_eq!(safe("data", "application/octet-stream"), "data");
    }

    #[test]
    fn a_number_goes_before_the_extension() {
        assert_eq!(numbered("report.pdf", 2), "report (2).pdf");
        assert_eq!(numbered("report", 3), "report (3)");
        let long = safe(&format!("{}.pdf", "ä".repeat(300)), "");
        let next = numbered(&long, 12);
        assert!(
            next.len() <= MAX_OCTETS && next.ends_with(" (12).pdf"),
            "{next}"
        );
    }

    #[test]
    fn the_last_extension_is_the_one_that_counts() {
        assert_eq!(extension("a.pdf.EXE").as_deref(), Some("exe"));
        assert_eq!(extension(".bashrc"), None);
        assert_eq!(extension("a."), None);
        assert_eq!(extension("Invoice. for the long year of 2026"), None);
    }
}
