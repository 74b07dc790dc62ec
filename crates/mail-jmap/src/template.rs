//! URI templates of level 1 (RFC 6570), the only ones RFC 8620 uses.

/// Puts values into `{name}` places; `None` if the template lacks a needed name or is malformed.
///
/// Values are escaped to unreserved characters, so no value can change the URL's structure.
pub(crate) fn expand(template: &str, values: &[(&str, &str)], needed: &[&str]) -> Option<String> {
    let mut url = String::with_capacity(template.len());
    let mut seen = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}')?;
        url.push_str(before);
        if let Some((name, value)) = values.iter().find(|(known, _)| *known == name) {
            escape(value, &mut url);
            seen.push(*name);
        }
        rest = tail;
    }
    url.push_str(rest);
    needed.iter().all(|name| seen.contains(name)).then_some(url)
}

fn escape(value: &str, into: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(digit(byte >> 4));
            into.push(digit(byte & 15));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place_in_the_url() {
        let url = expand(
            "/d/{accountId}/{blobId}/{name}?accept={type}",
            &[
                ("accountId", "a/../b"),
                ("blobId", "G1?x#y"),
                ("name", "é &"),
                ("type", "a/b"),
            ],
            &["accountId", "blobId"],
        );
        assert_eq!(
            url.as_deref(),
            Some("/d/a%2F..%2Fb/G1%3Fx%23y/%C3%A9%20%26?accept=a%2Fb")
        );
    }

    #[test]
    fn unknown_names_expand_to_nothing() {
        assert_eq!(
            expand("/u/{accountId}{?x}", &[("accountId", "A")], &["accountId"]).as_deref(),
            Some("/u/A")
        );
    }

    #[test]
    fn a_template_without_its_names_is_refused() {
        assert_eq!(expand("/u/", &[("accountId", "A")], &["accountId"]), None);
        assert_eq!(expand("/u/{accountId", &[("accountId", "A")], &[]), None);
    }
}
