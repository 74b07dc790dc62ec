use secrecy::ExposeSecret as _;

use super::*;

const NOW: UnixTime = UnixTime::from_seconds(1_000_000);
const NONCE: &str = "req_7Hk2-a.b~c";
const ISSUER: &str = "https://login.northwind.example";
const GOOD: &str = "nonce=req_7Hk2-a.b~c&iss=https%3A%2F%2Flogin.northwind.example&code=c0de";
const ISS: &str = "iss=https%3A%2F%2Flogin.northwind.example";

fn pending() -> Vec<Pending> {
    vec![Pending {
        kind: AttemptKind::Login,
        request_id: NONCE.to_owned(),
        issuer: ISSUER.to_owned(),
        started: UnixTime::from_seconds(NOW.seconds() - 60),
        used: false,
    }]
}

fn refused(query: &str) -> Refused {
    match judge(query, &pending(), NOW) {
        Ok(_) => panic!("accepted: {query}"),
        Err(refused) => refused,
    }
}

fn code_of(query: &str, pending: &[Pending]) -> Result<(usize, String), Refused> {
    judge(query, pending, NOW).map(|a| {
        let code = a.code.expect("a login is answered with a code");
        (a.attempt, code.expose_secret().to_owned())
    })
}

fn bad_answers() -> Vec<(String, Refused)> {
    let declined = |code: &str| Refused::Declined {
        attempt: 0,
        code: code.to_owned(),
    };
    let tokens = Refused::Tokens { attempt: 0 };
    let no_code = Refused::CodeMissing { attempt: 0 };
    let with = |rest: &str| format!("nonce={NONCE}&{ISS}&{rest}");
    let mut cases = vec![
        (String::new(), Refused::NonceMissing),
        ("&&&".into(), Refused::NonceMissing),
        ("code=c0de".into(), Refused::NonceMissing),
        (format!("{ISS}&code=c0de"), Refused::NonceMissing),
        (
            format!("state={NONCE}&{ISS}&code=c0de"),
            Refused::NonceMissing,
        ),
        (
            format!("Nonce={NONCE}&{ISS}&code=c0de"),
            Refused::NonceMissing,
        ),
        (format!("nonce=&{ISS}&code=c0de"), Refused::NonceUnknown),
        (
            format!("nonce=other&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("nonce={NONCE}x&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("nonce=req_7Hk2&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("nonce=REQ_7HK2-A.B~C&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("nonce=%20{NONCE}&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("nonce={NONCE}%00&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("authenticationRequestId=other&{ISS}&code=c0de"),
            Refused::NonceUnknown,
        ),
        (
            format!("nonce={NONCE}&authenticationRequestId=other&{ISS}&code=c0de"),
            Refused::Malformed,
        ),
        (format!("nonce={NONCE}&code=c0de"), Refused::IssuerMissing),
        (
            format!("nonce={NONCE}&iss=&code=c0de"),
            Refused::IssuerDiffers,
        ),
    ];
    for issuer in [
        "https://login.northwind.example/",
        "http://login.northwind.example",
        "https://login.northwind.example:443",
        "https://LOGIN.northwind.example",
        "https://login.northwind.example.evil.example",
        "https://evil.example",
        "login.northwind.example",
        "https://login.northwind.example/v1/clients/sc_1",
    ] {
        let query = format!("nonce={NONCE}&iss={issuer}&code=c0de");
        cases.push((query, Refused::IssuerDiffers));
    }
    for twice in [
        format!("nonce={NONCE}"),
        ISS.to_owned(),
        "code=c0de".into(),
        "code=other".into(),
        "nonce=other".into(),
        "iss=https://evil.example".into(),
    ] {
        cases.push((format!("{GOOD}&{twice}"), Refused::Repeated));
    }
    cases.push((with("error=a&error=b"), Refused::Repeated));
    for token in ["access_token", "id_token", "session_token", "refresh_token"] {
        cases.push((with(&format!("{token}=eyJ.a.b")), tokens.clone()));
        cases.push((format!("{GOOD}&{token}=eyJ.a.b"), tokens.clone()));
    }
    cases.extend([
        (with("access_token="), tokens),
        (with("error=access_denied"), declined("access_denied")),
        (
            with("error=access_denied&code=c0de"),
            declined("access_denied"),
        ),
        (
            format!("nonce={NONCE}&error=access_denied"),
            declined("access_denied"),
        ),
        (with("error=%3Cscript%3E"), declined("other")),
        (with("error="), declined("other")),
        (
            with("error=identity_conflict&error_description=x"),
            declined("identity_conflict"),
        ),
        (
            format!("nonce=other&{ISS}&error=access_denied"),
            Refused::NonceUnknown,
        ),
        (with(""), no_code.clone()),
        (with("code="), no_code.clone()),
        (with("code=cookie"), no_code.clone()),
        (with("code=a%20b"), no_code.clone()),
        (with("code=a%0D%0Ab"), no_code.clone()),
        (with("code=%F0%9F%94%91"), no_code.clone()),
        (
            with(&format!("code={}", "x".repeat(LONGEST_CODE + 1))),
            no_code,
        ),
        (with("code=%FF%FE"), Refused::Malformed),
        (format!("nonce=%C3%28&{ISS}&code=c0de"), Refused::Malformed),
        (
            format!("{GOOD}{}", "&a=b".repeat(MOST_PARAMETERS)),
            Refused::Malformed,
        ),
        (
            format!("{GOOD}&pad={}", "x".repeat(9 * 1024)),
            Refused::TooLong,
        ),
        ("x".repeat(1024 * 1024), Refused::TooLong),
    ]);
    cases
}

#[test]
fn no_bad_answer_is_accepted_and_none_spoils_the_good_one() {
    let cases = bad_answers();
    assert!(cases.len() >= 45, "{}", cases.len());
    eprintln!("\n{} bad answers, the good one after each", cases.len());
    for (query, why) in cases {
        assert_eq!(refused(&query), why, "{query:.120}");
        assert_eq!(
            code_of(GOOD, &pending()),
            Ok((0, "c0de".into())),
            "{query:.120}"
        );
    }
}

#[test]
fn both_names_of_the_nonce_are_known() {
    for query in [
        format!("authenticationRequestId={NONCE}&{ISS}&code=c0de"),
        format!("nonce={NONCE}&authenticationRequestId={NONCE}&{ISS}&code=c0de"),
        format!("code=c0de&expires_in=86400&foo=bar&{ISS}&nonce={NONCE}"),
    ] {
        assert_eq!(
            code_of(&query, &pending()),
            Ok((0, "c0de".into())),
            "{query}"
        );
    }
}

#[test]
fn an_answer_counts_once() {
    let mut pending = pending();
    assert!(judge(GOOD, &pending, NOW).is_ok());
    pending[0].used = true;
    assert_eq!(judge(GOOD, &pending, NOW).err(), Some(Refused::Replayed));
}

#[test]
fn an_answer_has_five_minutes() {
    let started = pending()[0].started.seconds();
    for (after, in_time) in [
        (0, true),
        (300, true),
        (301, false),
        (86_400, false),
        (-61, false),
    ] {
        let now = UnixTime::from_seconds(started + after);
        let judged = judge(GOOD, &pending(), now);
        assert_eq!(judged.is_ok(), in_time, "after {after} s");
        if !in_time {
            assert_eq!(judged.err(), Some(Refused::Late));
        }
    }
}

#[test]
fn without_a_pending_attempt_nothing_is_accepted() {
    assert_eq!(judge(GOOD, &[], NOW).err(), Some(Refused::NonceUnknown));
    let mut nameless = pending();
    nameless[0].request_id.clear();
    let query = format!("nonce=&{ISS}&code=c0de");
    assert_eq!(
        judge(&query, &nameless, NOW).err(),
        Some(Refused::NonceUnknown)
    );
}

#[test]
fn a_thousand_interleavings_of_two_issuers_never_cross() {
    let other_issuer = "https://login.choir.example";
    let mut seed = 42_u64;
    for round in 0..1000 {
        let mut pending = pending();
        pending.push(Pending {
            request_id: "req_choir".into(),
            issuer: other_issuer.into(),
            ..pending[0].clone()
        });
        let mut queries = vec![
            (GOOD.to_owned(), Some((0, "c0de"))),
            (
                format!("nonce=req_choir&iss={other_issuer}&code=s0ng"),
                Some((1, "s0ng")),
            ),
            (format!("nonce=req_choir&{ISS}&code=c0de"), None),
            (format!("nonce={NONCE}&iss={other_issuer}&code=s0ng"), None),
            (
                format!("nonce=req_choir&iss={other_issuer}&code=s0ng"),
                Some((1, "s0ng")),
            ),
            (GOOD.to_owned(), Some((0, "c0de"))),
        ];
        for i in (1..queries.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            queries.swap(i, (seed >> 33) as usize % (i + 1));
        }
        let mut taken = [0, 0];
        for (query, expected) in queries {
            if let Ok(accepted) = judge(&query, &pending, NOW) {
                let (attempt, code) = expected.expect("a crossed answer was accepted");
                let taken_code = accepted.code.expect("a login is answered with a code");
                assert_eq!(
                    (accepted.attempt, taken_code.expose_secret()),
                    (attempt, code)
                );
                pending[attempt].used = true;
                taken[attempt] += 1;
            }
        }
        assert_eq!(taken, [1, 1], "round {round}");
    }
}

#[test]
fn a_refusal_never_quotes_the_answer() {
    for (query, _) in bad_answers() {
        let refused = refused(&format!("{query}&x=CANARY"));
        let text = format!("{refused} {refused:?}");
        for secret in ["CANARY", "c0de", NONCE, "eyJ", "script"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// A login and a link of the same issuer, both open.
fn login_and_link() -> Vec<Pending> {
    let mut both = pending();
    both.push(Pending {
        kind: AttemptKind::Link,
        request_id: "req_link".into(),
        ..both[0].clone()
    });
    both
}

#[test]
fn a_link_may_come_back_without_a_code_and_a_login_may_not() {
    for rest in ["", "&code=cookie"] {
        let linked = judge(
            &format!("nonce=req_link&{ISS}{rest}"),
            &login_and_link(),
            NOW,
        );
        let linked = linked.unwrap_or_else(|refused| panic!("{rest}: {refused}"));
        assert_eq!(linked.attempt, 1);
        assert!(linked.code.is_none(), "{rest}");
        let login = judge(
            &format!("nonce={NONCE}&{ISS}{rest}"),
            &login_and_link(),
            NOW,
        );
        assert_eq!(
            login.err(),
            Some(Refused::CodeMissing { attempt: 0 }),
            "{rest}"
        );
    }
    let with_code = format!("nonce=req_link&{ISS}&code=c0de");
    assert_eq!(
        code_of(&with_code, &login_and_link()),
        Ok((1, "c0de".into()))
    );
}

#[test]
fn a_bad_answer_to_a_link_is_as_bad_as_one_to_a_login() {
    let mut judged = 0;
    for (query, why) in bad_answers() {
        let mut link = pending();
        link[0].kind = AttemptKind::Link;
        // The only difference: where nothing else is wrong, a code may be missing.
        let may_lack_code = why == (Refused::CodeMissing { attempt: 0 })
            && (!query.contains("code=") || query.ends_with("code=cookie"));
        let answer = judge(&query, &link, NOW);
        if may_lack_code {
            assert!(answer.is_ok_and(|a| a.code.is_none()), "{query:.120}");
        } else {
            assert_eq!(answer.err(), Some(why), "{query:.120}");
        }
        judged += 1;
    }
    assert!(judged >= 45, "{judged}");
}

#[test]
fn an_answer_to_a_login_counts_for_no_link_and_the_other_way_round() {
    let both = login_and_link();
    for (own, foreign) in [(0, 1), (1, 0)] {
        let query = format!("nonce={}&{ISS}&code=c0de", both[own].request_id);
        let only_foreign = std::slice::from_ref(&both[foreign]);
        assert_eq!(
            judge(&query, only_foreign, NOW).err(),
            Some(Refused::NonceUnknown)
        );
        let answered = code_of(&query, &both);
        assert_eq!(answered, Ok((own, "c0de".into())));
    }
}
