//! What a person brings back to the application: pure rules, from the request to query and cookies.
//!
//! Where the contract leaves a choice, the safer one is taken: an address of the loopback name gets tokens in
//! its query only when tokens were asked for, a custom scheme gets a code and never a token.

use serde::{Deserialize, Serialize};
use url::Url;

use super::origins::{is_loopback, is_web};

/// Where tokens or the code are put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ResponseLocation {
    /// In cookies, where the application's host can read them.
    #[default]
    Cookie,
    /// In the query of the redirect address.
    Query,
    /// Nowhere.
    None,
}

/// What was asked for: `code`, tokens, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flow {
    pub(super) code: bool,
    pub(super) tokens: bool,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            code: false,
            tokens: true,
        }
    }
}

impl Flow {
    /// Reads a space-separated list of `code`, `token` and `id_token`; an empty one is the default.
    pub(super) fn parse(list: &str) -> Option<Self> {
        let mut flow = Self {
            code: false,
            tokens: false,
        };
        for word in list.split_whitespace() {
            match word {
                "code" => flow.code = true,
                "token" | "id_token" => flow.tokens = true,
                _ => return None,
            }
        }
        Some(if flow.code || flow.tokens {
            flow
        } else {
            Self::default()
        })
    }
}

/// What goes back, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Returning {
    pub(super) code: Option<Place>,
    pub(super) tokens: Option<Place>,
}

/// A place that can carry something back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Cookie,
}

/// Decides what goes back to `redirect_url`.
pub(super) fn returning(redirect_url: &Url, location: ResponseLocation, flow: Flow) -> Returning {
    if location == ResponseLocation::None {
        return Returning::default();
    }
    if !is_web(redirect_url) {
        return Returning {
            code: Some(Place::Query),
            tokens: None,
        };
    }
    let in_query = location == ResponseLocation::Query || is_loopback(redirect_url);
    let place = if in_query {
        Place::Query
    } else {
        Place::Cookie
    };
    Returning {
        code: flow.code.then_some(place),
        tokens: flow.tokens.then_some(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(url: &str, location: ResponseLocation, flow: &str) -> Returning {
        returning(
            &Url::parse(url).unwrap(),
            location,
            Flow::parse(flow).unwrap(),
        )
    }

    const QUERY: Option<Place> = Some(Place::Query);
    const COOKIE: Option<Place> = Some(Place::Cookie);

    #[test]
    fn a_web_page_gets_what_it_asked_for_where_it_asked() {
        let page = "https://app.northwind.example/";
        let cases = [
            (ResponseLocation::Cookie, "", None, COOKIE),
            (ResponseLocation::Cookie, "code", COOKIE, None),
            (ResponseLocation::Query, "token id_token", None, QUERY),
            (ResponseLocation::Query, "code token", QUERY, QUERY),
            (ResponseLocation::None, "code token", None, None),
        ];
        for (location, flow, code, tokens) in cases {
            assert_eq!(
                decide(page, location, flow),
                Returning { code, tokens },
                "{location:?} {flow}"
            );
        }
    }

    #[test]
    fn a_loopback_address_gets_everything_in_the_query_but_no_tokens_unasked() {
        for page in ["http://localhost:4173/", "http://127.0.0.1:9/callback"] {
            let tokens = Returning {
                code: None,
                tokens: QUERY,
            };
            assert_eq!(decide(page, ResponseLocation::Cookie, ""), tokens);
            let code = Returning {
                code: QUERY,
                tokens: None,
            };
            assert_eq!(decide(page, ResponseLocation::Query, "code"), code);
            assert_eq!(decide(page, ResponseLocation::Cookie, "code"), code);
        }
    }

    #[test]
    fn a_custom_scheme_gets_a_code_and_never_a_token() {
        let code = Returning {
            code: QUERY,
            tokens: None,
        };
        assert_eq!(
            decide("braid://auth/callback", ResponseLocation::Cookie, ""),
            code
        );
        assert_eq!(
            decide("braid://auth/callback", ResponseLocation::Query, "token"),
            code
        );
    }

    #[test]
    fn an_unknown_flow_is_no_flow() {
        assert_eq!(Flow::parse("code device"), None);
        assert_eq!(Flow::parse(" "), Some(Flow::default()));
    }
}
