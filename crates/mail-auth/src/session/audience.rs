//! Whom an account's token is good for, without the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::live::Session;

/// What the token in hand says about who may take it. Nothing else of it is here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenAudience {
    /// `aud`, in the token's order.
    pub audience: Vec<String>,
    /// `client_id`: the application it was made for.
    pub client_id: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Session {
    /// Whom the token in hand is good for; `None` while there is none. It was verified when it
    /// came.
    #[must_use]
    pub fn audience(&self) -> Option<TokenAudience> {
        let live = self.0.live();
        let token = live.credentials.as_ref()?.access.expose_secret();
        audience_of(token)
    }
}

fn audience_of(token: &str) -> Option<TokenAudience> {
    let claims = token.split('.').nth(1)?;
    let claims = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).ok()?);
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(TokenAudience {
        audience: match claims.aud {
            Audience::One(one) => vec![one],
            Audience::Many(many) => many,
        },
        client_id: claims.client_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn one_audience_and_many_are_understood_and_nothing_else_is_taken() {
        let many = audience_of(&token(r#"{"aud":["a","b"],"client_id":"app","sub":"ana"}"#));
        let many = many.unwrap();
        assert_eq!(many.audience, ["a", "b"]);
        assert_eq!(many.client_id.as_deref(), Some("app"));
        let one = audience_of(&token(r#"{"aud":"a"}"#)).unwrap();
        assert_eq!((one.audience, one.client_id), (vec!["a".to_owned()], None));
        let none = audience_of(&token(r#"{"sub":"ana"}"#)).unwrap();
        assert_eq!(none, TokenAudience::default());
    }

    #[test]
    fn what_is_no_token_has_no_audience() {
        for text in ["", "opaque", "a.!!.c", "a.e30", "a.bm9wZQ.c"] {
            let empty = text == "a.e30";
            assert_eq!(audience_of(text).is_some(), empty, "{text}");
        }
    }
}
