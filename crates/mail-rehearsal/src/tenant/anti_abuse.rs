//! The proof of work that comes with a sign-in: `v2;t;n;h`.
//!
//! `h` is the base64url SHA-256 of `t;n;value` and starts with the characters `00`; `value` is the request's
//! own values joined with `|`. How old `t` may be is not public; five minutes either way is our choice.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Milliseconds a proof may be older or newer than now.
const WINDOW_MILLIS: u64 = 5 * 60 * 1000;

/// Joins the values a proof covers: those that are there and not empty, in the order given, and at the end a
/// list, which counts even when it is empty.
pub(super) fn value_of(values: &[Option<&str>], list: Option<&[String]>) -> String {
    let mut there: Vec<String> = values
        .iter()
        .flatten()
        .filter(|value| !value.is_empty())
        .map(|value| (*value).to_owned())
        .collect();
    there.extend(list.map(|list| list.join(",")));
    there.join("|")
}

/// Whether `proof` is a recent proof of work over `value`.
pub(super) fn holds(proof: &str, value: &str, now_millis: i64) -> bool {
    let mut parts = proof.split(';');
    let (Some("v2"), Some(time), Some(tuner), Some(hash), None) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return false;
    };
    let Ok(made) = time.parse::<i64>() else {
        return false;
    };
    let text = format!("{time};{tuner};{value}");
    tuner.parse::<u64>().is_ok()
        && made.abs_diff(now_millis) <= WINDOW_MILLIS
        && hash.starts_with("00")
        && hash == URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// Makes a proof, as a client does.
#[cfg(test)]
pub(super) fn prove(value: &str, now_millis: i64) -> String {
    (1u64..)
        .map(|tuner| {
            (
                tuner,
                URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{now_millis};{tuner};{value}"))),
            )
        })
        .find(|(_, hash)| hash.starts_with("00"))
        .map(|(tuner, hash)| format!("v2;{now_millis};{tuner};{hash}"))
        .unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: i64 = 1_700_000_000_000;

    #[test]
    fn the_published_vectors_hold() {
        let vectors = [
            (
                "con_google|app_mail",
                "v2;1700000000000;9864;00RhCIqggQtjYAF0aqxfQtp5toMvIv7bPN8ZzcFAsyM",
            ),
            (
                "con_google|app_mail|aud1,aud2",
                "v2;1700000000000;2740;00lcTEjHKLB36XlZE19F87XRE5qeSXyTCnrpKGeH1hg",
            ),
            (
                "app_mail|req_1|code_1",
                "v2;1700000000000;1380;00aWMGWvce34QVAWM8eBl1ubsbHabcQZscax13Uneus",
            ),
        ];
        for (value, proof) in vectors {
            assert!(holds(proof, value, THEN), "{value}");
            assert_eq!(prove(value, THEN), proof);
        }
    }

    #[test]
    fn a_proof_over_other_values_is_refused() {
        let proof = prove("con_google|app_mail", THEN);
        assert!(!holds(&proof, "con_google|app_other", THEN));
        assert!(!holds(
            &proof.replacen("v2", "v1", 1),
            "con_google|app_mail",
            THEN
        ));
        assert!(!holds(&format!("{proof};"), "con_google|app_mail", THEN));
        assert!(!holds("", "", THEN));
    }

    #[test]
    fn a_proof_without_the_work_is_refused() {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{THEN};1;app_mail")));
        assert!(!hash.starts_with("00"));
        assert!(!holds(&format!("v2;{THEN};1;{hash}"), "app_mail", THEN));
    }

    #[test]
    fn a_proof_is_good_for_five_minutes_either_way() {
        let proof = prove("app_mail", THEN);
        assert!(holds(&proof, "app_mail", THEN + 300_000));
        assert!(holds(&proof, "app_mail", THEN - 300_000));
        assert!(!holds(&proof, "app_mail", THEN + 300_001));
        assert!(!holds(&proof, "app_mail", THEN - 300_001));
    }

    #[test]
    fn values_that_are_missing_leave_no_gap() {
        assert_eq!(
            value_of(&[None, Some("a"), Some(""), Some("b")], None),
            "a|b"
        );
        let list = ["c".to_owned(), "d".to_owned()];
        assert_eq!(value_of(&[Some("a")], Some(&list)), "a|c,d");
        assert_eq!(value_of(&[Some("a")], Some(&[])), "a|");
    }
}
