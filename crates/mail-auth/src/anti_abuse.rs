//! The small proof of work that Authress wants beside each login request.
//!
//! Owns the arithmetic of version 2 only. It is not a secret and protects nothing of ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mail_model::UnixTime;
use sha2::{Digest, Sha256};

/// The two characters a hash has to begin with: 12 bits, about 4,096 tries.
const PREFIX: &str = "00";

/// Works the proof out. Takes about a millisecond of processor time, so callers in a task use
/// [`solve`].
///
/// `values` are the request's own values in the order of the contract; empty ones are left out.
#[must_use]
pub(crate) fn solve_now(values: &[&str], milliseconds: i64) -> String {
    let value = values
        .iter()
        .copied()
        .filter(|value| !value.is_empty())
        .collect::<Vec<_>>()
        .join("|");
    let mut tries = 0_u64;
    loop {
        tries += 1;
        let digest = Sha256::digest(format!("{milliseconds};{tries};{value}").as_bytes());
        let hash = URL_SAFE_NO_PAD.encode(digest);
        if hash.starts_with(PREFIX) {
            return format!("v2;{milliseconds};{tries};{hash}");
        }
    }
}

/// Works the proof out on a thread where it holds nobody up.
///
/// `None` only while the runtime is shutting down.
pub(crate) async fn solve(values: Vec<String>, now: UnixTime) -> Option<String> {
    tokio::task::spawn_blocking(move || {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        solve_now(&values, now.seconds().saturating_mul(1000))
    })
    .await
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_700_000_000_000;

    #[test]
    fn the_known_proofs_come_out() {
        for (values, proof) in [
            (
                ["con_google", "app_mail", ""],
                "v2;1700000000000;9864;00RhCIqggQtjYAF0aqxfQtp5toMvIv7bPN8ZzcFAsyM",
            ),
            (
                ["con_google", "app_mail", "aud1,aud2"],
                "v2;1700000000000;2740;00lcTEjHKLB36XlZE19F87XRE5qeSXyTCnrpKGeH1hg",
            ),
            (
                ["app_mail", "req_1", "code_1"],
                "v2;1700000000000;1380;00aWMGWvce34QVAWM8eBl1ubsbHabcQZscax13Uneus",
            ),
        ] {
            assert_eq!(solve_now(&values, AT), proof);
        }
    }

    #[test]
    fn an_absent_value_leaves_no_trace() {
        assert_eq!(
            solve_now(&["", "con_google", "", "app_mail"], AT),
            solve_now(&["con_google", "app_mail"], AT)
        );
    }
}
