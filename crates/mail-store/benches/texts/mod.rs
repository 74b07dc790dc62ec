//! Made-up texts: about 200 words a message, out of 50,000 words whose frequencies fall as in
//! language, and a few words of known frequency.

use mail_model::Body;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

const VOCABULARY: usize = 50_000;
const LENGTH: usize = 200;

/// Made-up words, the frequent ones first.
pub(crate) fn vocabulary() -> Vec<String> {
    const SYLLABLES: [&str; 24] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "va", "we", "xi", "yo", "zu", "ar", "en", "in", "or",
    ];
    let mut random = StdRng::seed_from_u64(1);
    (0..VOCABULARY)
        .map(|_| {
            let length = random.random_range(2..6);
            (0..length)
                .filter_map(|_| SYLLABLES.get(random.random_range(0..SYLLABLES.len())))
                .copied()
                .collect()
        })
        .collect()
}

/// The text of the n-th message.
pub(crate) fn body(n: u64, vocabulary: &[String]) -> Body {
    let mut random = StdRng::seed_from_u64(n);
    let mut words: Vec<&str> = Vec::with_capacity(LENGTH + 8);
    for _ in 0..LENGTH {
        // A word's frequency falls with its rank.
        let rank = (VOCABULARY as f64).powf(random.random::<f64>()) as usize;
        words.extend(vocabulary.get(rank.min(VOCABULARY - 1)).map(String::as_str));
    }
    if random.random_ratio(97, 100) {
        words.push("thursday");
    }
    if n % 3333 == 7 {
        words.push("quorum");
    }
    if random.random_ratio(30, 100) {
        words.push("harbour");
    }
    if random.random_ratio(25, 100) {
        words.push("meadow");
    }
    if n % 1000 == 3 {
        words.extend(["lantern", "festival"]);
    } else if n % 50 == 4 {
        words.extend(["festival", "lantern"]);
    }
    Body {
        text: Some(words.join(" ")),
        ..Body::default()
    }
}
