//! How ids look. The same numbers are given in every account, on purpose: an id means nothing
//! outside its account, and a client that forgets that shows one account's mail in another.

/// `M` and the message's number.
pub(crate) fn email(number: u32) -> String {
    format!("M{number:x}")
}

/// `T` and the conversation's number.
pub(crate) fn thread(number: u32) -> String {
    format!("T{number:x}")
}

/// `P` and the mailbox's number.
pub(crate) fn mailbox(number: u32) -> String {
    format!("P{number:x}")
}

/// `S` and the submission's number.
pub(crate) fn submission(number: u32) -> String {
    format!("S{number:x}")
}

/// The blob of a whole message.
pub(crate) fn message_blob(number: u32) -> String {
    format!("G{number:x}")
}

/// The number behind an id with that letter; only the spelling we give is accepted.
pub(crate) fn number(letter: char, id: &str) -> Option<u32> {
    let digits = id.strip_prefix(letter)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    (format!("{number:x}") == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_spelling_of_an_id_is_known() {
        assert_eq!(number('M', &email(0x1f)), Some(0x1f));
        for bad in ["", "M", "M01", "M1F", "m1f", "T1f", "M+1", "M1f-2"] {
            assert_eq!(number('M', bad), None, "{bad}");
        }
    }
}
