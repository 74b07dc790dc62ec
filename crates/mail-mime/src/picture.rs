//! Pictures by content: what a picture claims to be does not matter, what its bytes are does.

/// The most octets of one picture.
pub const MAX_OCTETS: usize = 20 << 20;
/// The most pixels of one picture. A few octets can name more than any memory holds.
pub const MAX_PIXELS: u64 = 50_000_000;

/// A picture that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// The media type to serve it with, by content.
    pub media_type: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Why bytes are not served as a picture.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PictureError {
    /// Not PNG, JPEG, GIF, WebP, AVIF or BMP. SVG is a document, not a picture.
    #[error("the bytes are no picture of a known kind")]
    UnknownKind,
    /// More than [`MAX_OCTETS`], or more than [`MAX_PIXELS`] by its header.
    #[error("the picture is too large")]
    TooLarge,
}

/// Tells what a picture is from its first bytes, without decoding it.
///
/// # Errors
/// When the bytes are no picture that may be shown, or one that is too large.
pub fn inspect(bytes: &[u8]) -> Result<Picture, PictureError> {
    if bytes.len() > MAX_OCTETS {
        return Err(PictureError::TooLarge);
    }
    let picture = png(bytes)
        .or_else(|| gif(bytes))
        .or_else(|| jpeg(bytes))
        .or_else(|| webp(bytes))
        .or_else(|| bmp(bytes))
        .or_else(|| avif(bytes))
        .ok_or(PictureError::UnknownKind)?;
    if u64::from(picture.width) * u64::from(picture.height) > MAX_PIXELS {
        return Err(PictureError::TooLarge);
    }
    Ok(picture)
}

fn png(bytes: &[u8]) -> Option<Picture> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    (header.get(4..8)? == b"IHDR").then_some(())?;
    picture("image/png", be32(header, 8)?, be32(header, 12)?)
}

fn gif(bytes: &[u8]) -> Option<Picture> {
    let header = bytes
        .strip_prefix(b"GIF87a")
        .or_else(|| bytes.strip_prefix(b"GIF89a"))?;
    picture("image/gif", le16(header, 0)?, le16(header, 2)?)
}

fn jpeg(bytes: &[u8]) -> Option<Picture> {
    let mut at = 0;
    bytes.strip_prefix(b"\xff\xd8\xff")?;
    at += 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Fill octets and markers without content.
            0xff => at += 1,
            0x01 | 0xd0..=0xd7 => at += 2,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return picture("image/jpeg", be16(bytes, at + 7)?, be16(bytes, at + 5)?);
            }
            _ => {
                let length = be16(bytes, at + 2)?;
                if length < 2 {
                    return None;
                }
                at += 2 + usize::try_from(length).ok()?;
            }
        }
    }
}

fn webp(bytes: &[u8]) -> Option<Picture> {
    bytes.strip_prefix(b"RIFF")?;
    (bytes.get(8..12)? == b"WEBP").then_some(())?;
    let (width, height) = match bytes.get(12..16)? {
        b"VP8X" => (le24(bytes, 24)? + 1, le24(bytes, 27)? + 1),
        b"VP8L" => {
            let packed = le32(bytes, 21)?;
            ((packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1)
        }
        b"VP8 " => (le16(bytes, 26)? & 0x3fff, le16(bytes, 28)? & 0x3fff),
        _ => return None,
    };
    picture("image/webp", width, height)
}

fn bmp(bytes: &[u8]) -> Option<Picture> {
    bytes.strip_prefix(b"BM")?;
    // The header's own size tells a bitmap from a text that begins with these letters.
    matches!(le32(bytes, 14)?, 40 | 52 | 56 | 108 | 124).then_some(())?;
    let height = le32(bytes, 22)?.cast_signed().unsigned_abs();
    picture("image/bmp", le32(bytes, 18)?, height)
}

fn avif(bytes: &[u8]) -> Option<Picture> {
    matches!(bytes.get(4..12)?, b"ftypavif" | b"ftypavis").then_some(())?;
    let head = bytes.get(..bytes.len().min(64 * 1024))?;
    // The largest size any image in the file names.
    let (width, height) = head
        .windows(4)
        .enumerate()
        .filter(|(_, name)| name == b"ispe")
        .filter_map(|(at, _)| Some((be32(head, at + 8)?, be32(head, at + 12)?)))
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))?;
    picture("image/avif", width, height)
}

fn picture(media_type: &'static str, width: u32, height: u32) -> Option<Picture> {
    (width > 0 && height > 0).then_some(Picture {
        media_type,
        width,
        height,
    })
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let pair = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(pair).into())
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    let pair = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(pair).into())
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    Some(le16(bytes, at)? | u32::from(*bytes.get(at + 2)?) << 16)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(four))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        assert_eq!(
            inspect(&png_of(20, 10)),
            Ok(Picture {
                media_type: "image/png",
                width: 20,
                height: 10
            })
        );
        let gif = b"GIF89a\x02\0\x03\0\0\0\0";
        assert_eq!(
            inspect(gif).map(|p| (p.media_type, p.width, p.height)),
            Ok(("image/gif", 2, 3))
        );
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x07\0\x09\x03";
        assert_eq!(
            inspect(jpeg).map(|p| (p.media_type, p.width, p.height)),
            Ok(("image/jpeg", 9, 7))
        );
        let mut bmp = b"BM".to_vec();
        bmp.extend([0; 12]);
        bmp.extend(40u32.to_le_bytes());
        bmp.extend(5u32.to_le_bytes());
        bmp.extend((-6i32).to_le_bytes());
        assert_eq!(
            inspect(&bmp).map(|p| (p.media_type, p.width, p.height)),
            Ok(("image/bmp", 5, 6))
        );
        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0".to_vec();
        webp.extend([9, 0, 0, 4, 0, 0]);
        assert_eq!(
            inspect(&webp).map(|p| (p.media_type, p.width, p.height)),
            Ok(("image/webp", 10, 5))
        );
        let mut avif = b"\0\0\0\x1cftypavif........ispe\0\0\0\0".to_vec();
        avif.extend(8u32.to_be_bytes());
        avif.extend(4u32.to_be_bytes());
        assert_eq!(
            inspect(&avif).map(|p| (p.media_type, p.width, p.height)),
            Ok(("image/avif", 8, 4))
        );
    }

    #[test]
    fn documents_that_call_themselves_pictures_are_refused() {
        for bytes in [
            &b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..],
            b"<?xml version=\"1.0\"?><svg/>",
            b"<!doctype html><script>1</script>",
            b"GIF89a",
            b"BM is how this text begins, and it goes on for a while",
            b"\xff\xd8\xff",
            b"%PDF-1.7",
            b"",
        ] {
            assert_eq!(inspect(bytes), Err(PictureError::UnknownKind));
        }
    }

    #[test]
    fn a_header_that_names_a_billion_pixels_is_refused() {
        assert_eq!(
            inspect(&png_of(65_000, 65_000)),
            Err(PictureError::TooLarge)
        );
        assert_eq!(
            inspect(&png_of(u32::MAX, u32::MAX)),
            Err(PictureError::TooLarge)
        );
        assert!(inspect(&png_of(10_000, 5_000)).is_ok());
    }
}
