//! Conversations made from templates: each is a function of its number alone.
//!
//! The cheap part (when, how long, who, where) is asked for every message when an account starts;
//! the words are made only for a message somebody reads.

use encoding_rs::{
    BIG5, Encoding, GBK, ISO_2022_JP, ISO_8859_2, ISO_8859_7, KOI8_R, UTF_8, WINDOWS_1252,
    WINDOWS_1255, WINDOWS_1256,
};

use super::dice::{Dice, hash};
use super::draft::{Draft, Style, Who};
use super::grammar::{Grammar, Kind, Template};
use super::mime::Transfer;
use super::{Life, when};

/// How far back mail goes.
pub(crate) const SPAN: i64 = 3 * 365 * 86_400;
/// Mail newer than this is written by hand, see [`super::head`].
pub(crate) const HEAD_SPAN: i64 = 12 * 86_400;
/// The longest conversation.
pub(crate) const LONGEST: u16 = 30;

/// One account's generated conversations.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    pub(crate) grammar: &'a Grammar,
    pub(crate) life: Life,
    pub(crate) seed: u64,
    pub(crate) now: i64,
}

/// The cheap part of a conversation.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) template: &'a Template,
    /// When each message was received, oldest first.
    pub(crate) times: Vec<i64>,
    /// Who wrote each message: 0 is the account's owner, else a place in the cast.
    pub(crate) speakers: Vec<u8>,
    /// Number of the folder the conversation was filed in; `None` left it in the inbox.
    pub(crate) filed: bool,
    /// Deleted or not, for mail that is not worth keeping.
    pub(crate) deleted: bool,
    number: u64,
}

impl<'a> Planner<'a> {
    fn dice(&self, thread: u32, purpose: u64) -> Dice {
        Dice::new(&[self.seed, self.life.number(), u64::from(thread), purpose])
    }

    /// The plan of a conversation.
    pub(crate) fn plan(&self, thread: u32) -> Option<Plan<'a>> {
        let mut dice = self.dice(thread, 1);
        let template = self.grammar.template(&mut dice)?;
        let length = match template.kind {
            Kind::Talk => length(&mut dice),
            _ => 1,
        };
        let latest = self.now - HEAD_SPAN;
        let weekends = if self.life == Life::Work { 12 } else { 100 };
        let start = when::in_daytime(
            latest - 86_400 - dice.seconds(SPAN - HEAD_SPAN - 4 * 86_400),
            weekends,
            &mut dice,
        );
        let mut times = Vec::with_capacity(usize::from(length));
        let mut speakers: Vec<u8> = Vec::with_capacity(usize::from(length));
        let cast = 2 + u8::try_from(dice.below(3)).unwrap_or(0);
        let mut at = start;
        for n in 0..length {
            if at >= latest {
                break;
            }
            times.push(at);
            let last = speakers.last().copied();
            speakers.push(match (template.kind, last) {
                (Kind::Talk, None) => u8::from(!dice.chance(22)),
                (Kind::Talk, Some(0)) => {
                    1 + u8::try_from(dice.below(u64::from(cast - 1))).unwrap_or(0)
                }
                (Kind::Talk, Some(last)) if n < 3 || dice.chance(40) => {
                    if dice.chance(65) {
                        0
                    } else {
                        last % cast + 1
                    }
                }
                (Kind::Talk, Some(last)) => (last % (cast - 1)) + 1,
                _ => 1,
            });
            at += gap(&mut dice);
        }
        Some(Plan {
            template,
            times,
            speakers,
            filed: dice.chance(38),
            deleted: dice.chance(if template.kind == Kind::Letter { 25 } else { 2 }),
            number: u64::from(thread),
        })
    }

    /// Who takes part, the owner first.
    fn cast(&self, plan: &Plan<'_>, thread: u32) -> Vec<Who> {
        let mut cast = vec![self.life.owner()];
        if let Some((name, email)) = plan.template.from.split_once(" <") {
            let name =
                self.grammar
                    .expand(name, self.steady(thread), &[], &mut self.dice(thread, 5));
            cast.push((name, email.trim_end_matches('>').to_owned()));
            return cast;
        }
        let people = self.grammar.people(plan.template.language);
        let first = self
            .dice(thread, 2)
            .below(u64::try_from(people.len()).unwrap_or(0));
        let skip = usize::try_from(first).unwrap_or(0);
        cast.extend(
            people
                .iter()
                .cycle()
                .skip(skip)
                .take(people.len().min(5))
                .map(|w| (w.name.clone(), w.email.clone())),
        );
        cast
    }

    fn steady(&self, thread: u32) -> u64 {
        self.dice(thread, 3).next()
    }

    /// The `Message-ID` of one message, without angle brackets.
    pub(crate) fn message_id(&self, thread: u32, place: u16, domain: &str) -> String {
        let check = self.dice(thread, 1_000 + u64::from(place)).next() & 0xffff_ffff;
        format!("{thread:x}.{place:x}.{check:08x}@{domain}")
    }

    /// The conversation a `Message-ID` of ours belongs to.
    pub(crate) fn thread_of(&self, message_id: &str) -> Option<u32> {
        let (local, domain) = message_id.split_once('@')?;
        let mut numbers = local.split('.');
        let thread = u32::from_str_radix(numbers.next()?, 16).ok()?;
        let place = u16::from_str_radix(numbers.next()?, 16).ok()?;
        (self.message_id(thread, place, domain) == message_id).then_some(thread)
    }

    /// One message of a conversation.
    pub(crate) fn message(&self, thread: u32, place: u16) -> Option<Draft> {
        let plan = self.plan(thread)?;
        let cast = self.cast(&plan, thread);
        let index = usize::from(place);
        let sent_at = plan.times.get(index).copied()?;
        let mut dice = self.dice(thread, 2_000 + u64::from(place));
        let who = |n: u8| {
            cast.get(usize::from(n))
                .or_else(|| cast.get(1))
                .cloned()
                .unwrap_or_else(|| self.life.owner())
        };
        let speaker = plan.speakers.get(index).copied()?;
        let from = who(speaker);
        let previous = index
            .checked_sub(1)
            .and_then(|n| plan.speakers.get(n))
            .copied();
        let to = if speaker == 0 {
            who(previous.unwrap_or(1))
        } else {
            self.life.owner()
        };
        let subject = self.subject(&plan, thread, place);
        let text = self.text(&plan, thread, place, &from, &to, sent_at);
        let mut draft = Draft::new(from, subject, text, sent_at - 4, dice.next());
        draft.zone = dice.pick(&[0, 0, 1, 1, 2]).copied().unwrap_or(0);
        draft.to.push(to);
        let others = plan.speakers.iter().take(index + 1).chain([1].iter());
        for other in others {
            let one = who(*other);
            if plan.template.kind == Kind::Talk
                && one.1 != draft.from.1
                && draft.to.iter().chain(&draft.cc).all(|w| w.1 != one.1)
            {
                draft.cc.push(one);
            }
        }
        let own_domain = domain(&draft.from.1).to_owned();
        draft.message_id = self.message_id(thread, place, &own_domain);
        for before in 0..place {
            let speaker = plan.speakers.get(usize::from(before)).copied().unwrap_or(1);
            draft
                .references
                .push(self.message_id(thread, before, domain(&who(speaker).1)));
        }
        self.dress(&plan, &mut draft, &mut dice, place);
        if let Some(before) = place.checked_sub(1)
            && dice.chance(72)
        {
            self.quote(&plan, &mut draft, thread, before, &who);
        }
        Some(draft)
    }

    fn subject(&self, plan: &Plan<'_>, thread: u32, place: u16) -> String {
        let mut dice = self.dice(thread, 4);
        let slots = self.slots(plan, plan.times.first().copied().unwrap_or(0), thread);
        let subject = self.grammar.expand(
            plan.template.subject,
            self.steady(thread),
            &slots,
            &mut dice,
        );
        if plan.template.kind == Kind::Talk && place == 0 && dice.chance(1) {
            return String::new();
        }
        if place == 0 {
            return subject;
        }
        let prefix = match plan.template.language {
            "de" if thread.is_multiple_of(2) => "AW: ",
            "pl" if thread.is_multiple_of(2) => "Odp: ",
            _ => "Re: ",
        };
        format!("{prefix}{subject}")
    }

    fn slots(&self, plan: &Plan<'_>, at: i64, thread: u32) -> Vec<(&'static str, String)> {
        let ahead = at + 86_400 * (3 + self.dice(thread, 6).seconds(25));
        let date = when::civil(ahead).map_or_else(String::new, |t| match plan.template.language {
            "en" => t.strftime("%-d %B").to_string(),
            "zh" | "ja" => t.strftime("%-m月%-d日").to_string(),
            _ => t.strftime("%-d.%-m.").to_string(),
        });
        let year = when::civil(at).map_or_else(String::new, |t| t.strftime("%Y").to_string());
        vec![("date", date), ("year", year), ("me", "Ana".to_owned())]
    }

    fn text(
        &self,
        plan: &Plan<'_>,
        thread: u32,
        place: u16,
        from: &Who,
        to: &Who,
        at: i64,
    ) -> String {
        let mut dice = self.dice(thread, 3_000 + u64::from(place));
        let language = plan.template.language;
        let mut slots = self.slots(plan, at, thread);
        slots.push(("to", first_name(&to.0, language)));
        slots.push(("from", first_name(&from.0, language)));
        let body = if place == 0 {
            dice.pick(&plan.template.bodies)
                .copied()
                .unwrap_or_default()
        } else {
            // Walks through the answers from a place of its own, so that none comes twice in a row.
            let replies = self.grammar.replies(language);
            let n = u64::try_from(replies.len()).unwrap_or(0);
            let first = self.dice(thread, 7).below(n);
            let at = (first + u64::from(place) * 7).checked_rem(n).unwrap_or(0);
            usize::try_from(at)
                .ok()
                .and_then(|at| replies.get(at))
                .copied()
                .unwrap_or_default()
        };
        let frame = if plan.template.kind == Kind::Talk {
            let hello = if place < 2 || dice.chance(35) {
                format!("$hello_{language}\n\n")
            } else {
                String::new()
            };
            let bye = if place < 2 || dice.chance(45) {
                format!("\n\n$bye_{language}")
            } else {
                String::new()
            };
            format!("{hello}{body}{bye}")
        } else {
            body.to_owned()
        };
        // The words of greetings vary by message, the words of the matter do not.
        self.grammar
            .expand(&frame, self.steady(thread), &slots, &mut dice)
    }

    fn quote(
        &self,
        plan: &Plan<'_>,
        draft: &mut Draft,
        thread: u32,
        before: u16,
        who: &dyn Fn(u8) -> Who,
    ) {
        let at = plan.times.get(usize::from(before)).copied().unwrap_or(0);
        let author = who(plan.speakers.get(usize::from(before)).copied().unwrap_or(1));
        let day =
            when::civil(at).map_or_else(String::new, |t| t.strftime("%d.%m.%Y %H:%M").to_string());
        let line = match plan.template.language {
            "de" => format!("Am {day} schrieb {}:", author.0),
            "fr" => format!("Le {day}, {} a écrit :", author.0),
            "es" => format!("El {day}, {} escribió:", author.0),
            "pl" => format!("{day}, {} pisze:", author.0),
            "ru" => format!("{day}, {} пишет:", author.0),
            "el" => format!("Στις {day}, ο/η {} έγραψε:", author.0),
            "ja" => format!("{day} {} のメール:", author.0),
            "zh" => format!("{day}，{} 写道：", author.0),
            _ => {
                let day = when::civil(at).map_or_else(String::new, |t| {
                    t.strftime("%a, %-d %b %Y at %H:%M").to_string()
                });
                format!("On {day}, {} wrote:", author.0)
            }
        };
        let text = self.text(plan, thread, before, &author, &draft.from, at);
        draft.quote = Some((line, super::html::as_text(&text)));
    }

    fn dress(&self, plan: &Plan<'_>, draft: &mut Draft, dice: &mut Dice, place: u16) {
        let template = plan.template;
        let writer = hash(&draft.from.1);
        draft.style = match template.kind {
            Kind::Letter => Style::Letter,
            Kind::Spam => {
                if dice.chance(50) {
                    Style::Hostile
                } else {
                    Style::HtmlOnly
                }
            }
            Kind::Note => {
                if writer.is_multiple_of(2) {
                    Style::Html
                } else {
                    Style::Plain
                }
            }
            Kind::Talk | Kind::Invite => match writer % 10 {
                0..=3 => Style::Html,
                4..=5 => Style::Flowed,
                6 if dice.chance(20) => Style::HtmlOnly,
                _ => Style::Plain,
            },
        };
        let old = Dice::new(&[writer, 9]).chance(35);
        draft.charset = if old {
            charset(template.language)
        } else {
            UTF_8
        };
        draft.transfer = match dice.below(10) {
            0..=3 => Transfer::QuotedPrintable,
            4..=5 => Transfer::Base64,
            _ => Transfer::EightBit,
        };
        draft.bulk = template.kind == Kind::Letter;
        if draft.bulk || template.kind == Kind::Spam {
            draft.images = 1 + u32::try_from(dice.below(3)).unwrap_or(0);
            draft.tracker = dice.chance(80);
        }
        if place == 0 || dice.chance(6) {
            let slots = self.slots(plan, draft.sent_at, 0);
            for (name, percent) in &template.files {
                if dice.chance(*percent) {
                    draft
                        .files
                        .push(self.grammar.expand(name, plan.number, &slots, dice));
                }
            }
        }
        draft.picture = template.kind == Kind::Talk && draft.style == Style::Html && dice.chance(4);
        if template.kind == Kind::Invite {
            let start = (draft.sent_at + 86_400 * (2 + dice.seconds(12))).div_euclid(3_600) * 3_600;
            draft.meeting = Some((self.grammar.expand("$room", plan.number, &[], dice), start));
        }
    }
}

fn domain(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or("mail.example")
}

/// How people are called in a letter: the family name comes first in some languages.
fn first_name(name: &str, language: &str) -> String {
    if matches!(language, "ja" | "zh") && !name.is_ascii() {
        return name.split(' ').next().unwrap_or(name).to_owned();
    }
    name.split(' ').next().unwrap_or(name).to_owned()
}

fn length(dice: &mut Dice) -> u16 {
    let long = match dice.below(100) {
        0..=37 => 1,
        38..=61 => 2,
        62..=76 => 3,
        77..=93 => 4 + dice.below(5),
        _ => 9 + dice.below(u64::from(LONGEST) - 8),
    };
    u16::try_from(long).unwrap_or(1).min(LONGEST)
}

/// Time until the next answer: minutes while people talk, else the next day or later.
fn gap(dice: &mut Dice) -> i64 {
    match dice.below(10) {
        0..=3 => 240 + dice.seconds(2_400),
        4..=6 => 1_800 + dice.seconds(4 * 3_600),
        7..=8 => 14 * 3_600 + dice.seconds(10 * 3_600),
        _ => 40 * 3_600 + dice.seconds(60 * 3_600),
    }
}

/// A charset people used for a language before UTF-8.
fn charset(language: &str) -> &'static Encoding {
    match language {
        "ja" => ISO_2022_JP,
        "zh" => GBK,
        "zh-tw" => BIG5,
        "ru" => KOI8_R,
        "el" => ISO_8859_7,
        "pl" => ISO_8859_2,
        "he" => WINDOWS_1255,
        "ar" => WINDOWS_1256,
        "hi" => UTF_8,
        _ => WINDOWS_1252,
    }
}
