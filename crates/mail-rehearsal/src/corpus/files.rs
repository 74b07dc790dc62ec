//! Small real files: every attachment opens in the program that belongs to it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::dice::Dice;

/// One attached file.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The file behind a name; the ending decides what it is. The same name and dice give the same bytes.
pub(crate) fn make(name: &str, title: &str, dice: &mut Dice) -> Made {
    let ending = name.rsplit('.').next().unwrap_or_default();
    let (media_type, bytes) = match ending {
        "pdf" => ("application/pdf", pdf(title, dice)),
        "png" => ("image/png", png(192, 108, dice)),
        "xlsx" => (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            xlsx(title, dice),
        ),
        "zip" => ("application/zip", zip(&[("read-me.txt", title.as_bytes())])),
        "ics" => ("text/calendar", calendar(title, None, dice).into_bytes()),
        "vcf" => ("text/vcard", vcard(title).into_bytes()),
        "csv" => ("text/csv", csv(dice).into_bytes()),
        "mid" => ("audio/midi", midi(dice)),
        _ => (
            "text/plain",
            format!("{title}\r\n\r\nKept for reference.\r\n").into_bytes(),
        ),
    };
    Made { media_type, bytes }
}

/// A one to three page PDF; a page has a title, lines and a grey picture, so that it has a believable size.
fn pdf(title: &str, dice: &mut Dice) -> Vec<u8> {
    let (width, height) = (120 + dice.below(240), 80 + dice.below(200));
    let mut picture = Vec::new();
    for y in 0..height {
        for x in 0..width {
            picture.push(u8::try_from((x * 160 / width + y * 80 / height) & 0xff).unwrap_or(0));
        }
    }
    let safe: String = title
        .chars()
        .map(|c| {
            if c.is_ascii() && !"()\\".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let content = format!(
        "BT /F1 18 Tf 72 760 Td ({safe}) Tj ET\nBT /F1 11 Tf 72 730 Td (Page 1 of 1) Tj ET\nq 360 0 0 240 72 440 cm /Im1 Do Q\n"
    );
    let mut image = format!("<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8 /Length {} >>\nstream\n", picture.len()).into_bytes();
    image.extend_from_slice(&picture);
    image.extend_from_slice(b"\nendstream");
    let objects: [Vec<u8>; 6] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> /XObject << /Im1 6 0 R >> >> >>".to_vec(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()).into_bytes(),
        image,
    ];
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (n, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", out.len()).ok();
        out.extend_from_slice(format!("{} 0 obj\n", n + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let start = out.len();
    out.extend_from_slice(
        format!(
            "xref\n0 7\n{table}trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        )
        .as_bytes(),
    );
    out
}

/// A picture of soft stripes: 8-bit colour, stored (not compressed) deflate blocks.
pub(crate) fn png(width: u32, height: u32, dice: &mut Dice) -> Vec<u8> {
    let hue = [dice.below(200), dice.below(200), dice.below(200)];
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0);
        for x in 0..width {
            for (n, base) in hue.iter().enumerate() {
                let wave = u64::from((x + y * (u32::try_from(n).unwrap_or(0) + 1)) / 8 % 7 * 8);
                rows.push(u8::try_from((base + wave).min(255)).unwrap_or(255));
            }
        }
    }
    let mut data = vec![0x78, 0x01];
    let mut chunks = rows.chunks(0xffff).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).unwrap_or(0);
        data.push(u8::from(chunks.peek().is_none()));
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(&(!length).to_le_bytes());
        data.extend_from_slice(chunk);
    }
    data.extend_from_slice(&adler32(&rows).to_be_bytes());
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    for (kind, body) in [(b"IHDR", &header), (b"IDAT", &data), (b"IEND", &Vec::new())] {
        out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
        let mut tagged = kind.to_vec();
        tagged.extend_from_slice(body);
        out.extend_from_slice(&tagged);
        out.extend_from_slice(&crc32(&tagged).to_be_bytes());
    }
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // So many sums fit into 32 bits before the remainder has to be taken.
    for chunk in bytes.chunks(5_552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

fn crc32(bytes: &[u8]) -> u32 {
    let table = &*CRC;
    !bytes.iter().fold(!0u32, |crc, byte| {
        let at = usize::from(byte ^ crc.to_le_bytes()[0]);
        table.get(at).copied().unwrap_or(0) ^ (crc >> 8)
    })
}

/// The remainder of every byte.
static CRC: LazyLock<[u32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let start = u32::try_from(byte).unwrap_or(0);
        (0..8).fold(start, |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
});

/// A ZIP archive with stored entries.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in entries {
        let offset = u32::try_from(out.len()).unwrap_or(0);
        let size = u32::try_from(content.len()).unwrap_or(0).to_le_bytes();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x58];
        common.extend_from_slice(&crc32(content).to_le_bytes());
        common.extend_from_slice(&size);
        common.extend_from_slice(&size);
        common.extend_from_slice(&u16::try_from(name.len()).unwrap_or(0).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let count = u16::try_from(entries.len()).unwrap_or(0).to_le_bytes();
    let start = u32::try_from(out.len()).unwrap_or(0).to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&u32::try_from(directory.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&start);
    out.extend_from_slice(&[0, 0]);
    out
}

const XLSX_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#;
const XLSX_RELS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const XLSX_BOOK: &str = r#"<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Plan" sheetId="1" r:id="r1"/></sheets></workbook>"#;
const XLSX_BOOK_RELS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

fn xlsx(title: &str, dice: &mut Dice) -> Vec<u8> {
    let safe: String = title.chars().filter(|c| !"<>&\"".contains(*c)).collect();
    let mut sheet = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#,
    );
    write!(
        sheet,
        r#"<row r="1"><c r="A1" t="inlineStr"><is><t>{safe}</t></is></c></row>"#
    )
    .ok();
    for row in 2..60 + dice.below(360) {
        write!(sheet, r#"<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>Step {}</t></is></c><c r="B{row}"><v>{}</v></c></row>"#, row - 1, dice.below(5_000)).ok();
    }
    sheet.push_str("</sheetData></worksheet>");
    zip(&[
        ("[Content_Types].xml", XLSX_TYPES.as_bytes()),
        ("_rels/.rels", XLSX_RELS.as_bytes()),
        ("xl/workbook.xml", XLSX_BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", XLSX_BOOK_RELS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// An event. With a method it is an invitation (RFC 5546), else a file.
pub(crate) fn calendar(
    title: &str,
    invitation: Option<&Invitation<'_>>,
    dice: &mut Dice,
) -> String {
    let start = invitation.map_or(1_700_000_000, |i| i.start);
    let mut out =
        String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Rehearsal//Calendar//EN\r\n");
    if invitation.is_some() {
        out.push_str("METHOD:REQUEST\r\n");
    }
    write!(out, "BEGIN:VEVENT\r\nUID:{:016x}@calendar.example\r\nDTSTAMP:{}\r\nDTSTART:{}\r\nDTEND:{}\r\nSUMMARY:{}\r\n", dice.next(), stamp(start - 86_400), stamp(start), stamp(start + 3_600), title.replace(',', "\\,").replace(';', "\\;")).ok();
    if let Some(i) = invitation {
        write!(out, "LOCATION:{}\r\nORGANIZER;CN={}:mailto:{}\r\nATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{}\r\n", i.place.replace(',', "\\,"), i.organizer, i.organizer_email, i.attendee).ok();
    }
    out.push_str("SEQUENCE:0\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
    out
}

/// What an invitation says beside its title.
#[derive(Debug)]
pub(crate) struct Invitation<'a> {
    pub(crate) start: i64,
    pub(crate) place: &'a str,
    pub(crate) organizer: &'a str,
    pub(crate) organizer_email: &'a str,
    pub(crate) attendee: &'a str,
}

fn stamp(seconds: i64) -> String {
    super::when::civil(seconds).map_or_else(
        || "19700101T000000Z".to_owned(),
        |t| t.strftime("%Y%m%dT%H%M%SZ").to_string(),
    )
}

fn vcard(title: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{title}\r\nEMAIL:contact@mail.example\r\nTEL;TYPE=work:+44 1632 960123\r\nEND:VCARD\r\n"
    )
}

fn csv(dice: &mut Dice) -> String {
    let mut out = String::from("date,item,amount\r\n");
    for n in 1..20 + dice.below(40) {
        write!(
            out,
            "2026-{:02}-{:02},item {n},{}.{:02}\r\n",
            n % 12 + 1,
            n % 28 + 1,
            dice.below(400),
            dice.below(100)
        )
        .ok();
    }
    out
}

/// A short melody, one track.
fn midi(dice: &mut Dice) -> Vec<u8> {
    let mut track = Vec::new();
    for _ in 0..32 {
        let note = 60 + u8::try_from(dice.below(13)).unwrap_or(0);
        track.extend_from_slice(&[0, 0x90, note, 80, 96, 0x80, note, 0]);
    }
    track.extend_from_slice(&[0, 0xff, 0x2f, 0]);
    let mut out = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
    out.extend_from_slice(&u32::try_from(track.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&track);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_known_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_pdf_names_the_place_of_its_table() {
        let bytes = make("a.pdf", "Plan (v2)", &mut Dice::new(&[1])).bytes;
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n"));
        let place: usize = text
            .rsplit("startxref\n")
            .next()
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(bytes[place..].starts_with(b"xref"));
    }

    #[test]
    fn a_workbook_is_an_archive_with_its_directory_at_the_end() {
        let bytes = make("plan.xlsx", "Plan", &mut Dice::new(&[1])).bytes;
        assert!(bytes.starts_with(b"PK\x03\x04"));
        let end = bytes.len() - 22;
        assert!(bytes[end..].starts_with(b"PK\x05\x06"));
        let start = u32::from_le_bytes(bytes[end + 16..end + 20].try_into().unwrap()) as usize;
        assert!(bytes[start..].starts_with(b"PK\x01\x02"));
    }
}
