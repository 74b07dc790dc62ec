//! Whom the person has written to, as vCards (RFC 6350).

use std::collections::BTreeMap;

use mail_model::{Address, Message};
use vcard4::VcardBuilder;

/// People by their address. One who is written to under several names keeps the newest.
#[derive(Debug, Default)]
pub(crate) struct Contacts(BTreeMap<String, (mail_model::UnixTime, Address)>);

impl Contacts {
    /// Adds the recipients of a sent message.
    pub(crate) fn add(&mut self, message: &Message) {
        for address in message.to.iter().chain(&message.cc).chain(&message.bcc) {
            if address.email.is_empty() {
                continue;
            }
            let key = address.email.to_lowercase();
            let known = self.0.get(&key);
            let newer = known.is_none_or(|(at, known)| {
                known.name.is_empty() || (*at < message.received_at && !address.name.is_empty())
            });
            if newer {
                self.0.insert(key, (message.received_at, address.clone()));
            }
        }
    }

    /// The file.
    pub(crate) fn vcards(&self) -> String {
        self.0
            .values()
            .map(|(_, address)| {
                let name = if address.name.is_empty() {
                    &address.email
                } else {
                    &address.name
                };
                VcardBuilder::new(clean(name))
                    .email(clean(&address.email))
                    .finish()
                    .to_string()
            })
            .collect()
    }
}

/// A name without what no name has.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use mail_model::{BlobId, Keywords, MessageId, ThreadId, UnixTime};

    use super::*;

    fn sent(at: i64, to: &[(&str, &str)]) -> Message {
        let address = |(name, email): &(&str, &str)| Address {
            name: (*name).into(),
            email: (*email).into(),
        };
        Message {
            id: MessageId::new("M1").unwrap(),
            blob: BlobId::new("B1").unwrap(),
            thread: ThreadId::new("T1").unwrap(),
            mailboxes: vec![],
            keywords: Keywords::default(),
            received_at: UnixTime::from_seconds(at),
            size: 1,
            from: vec![],
            to: to.iter().map(address).collect(),
            cc: vec![],
            bcc: vec![],
            reply_to: vec![],
            subject: String::new(),
            preview: String::new(),
            message_ids: vec![],
            in_reply_to: vec![],
            references: vec![],
            has_attachment: false,
        }
    }

    #[test]
    fn each_person_is_there_once_under_the_newest_name() {
        let mut contacts = Contacts::default();
        contacts.add(&sent(
            2,
            &[("Bo Lind", "bo@a.example"), ("", "cy@a.example")],
        ));
        contacts.add(&sent(1, &[("Bo", "BO@a.example"), ("", "")]));
        contacts.add(&sent(3, &[("", "bo@a.example")]));
        let cards = vcard4::parse(contacts.vcards()).unwrap();
        let told: Vec<(String, String)> = cards
            .iter()
            .map(|card| {
                let name = card.formatted_name[0].value.clone();
                (name, card.email[0].value.clone())
            })
            .collect();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            told,
            [
                pair("Bo Lind", "bo@a.example"),
                pair("cy@a.example", "cy@a.example"),
            ]
        );
    }

    #[test]
    fn a_name_cannot_add_lines_of_its_own() {
        let mut contacts = Contacts::default();
        let name = "Bo\r\nEND:VCARD\r\nNOTE:x; y, z \\ é";
        contacts.add(&sent(1, &[(name, "bo@a.example")]));
        contacts.add(&sent(1, &[(&"合".repeat(100), "long@a.example")]));
        let text = contacts.vcards();
        let cards = vcard4::parse(&text).unwrap();
        assert_eq!(cards.len(), 2, "{text}");
        assert_eq!(
            cards[0].formatted_name[0].value,
            "BoEND:VCARDNOTE:x; y, z \\ é"
        );
        assert_eq!(cards[1].formatted_name[0].value, "合".repeat(100));
        assert_eq!(text.matches("\nEND:VCARD").count(), 2, "{text}");
    }
}
