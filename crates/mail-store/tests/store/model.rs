//! Random histories against a model that keeps everything in plain maps and counts by looking.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::remote::MessageUpdate;
use mail_model::{
    Filter, Keyword, KeywordEdit, Keywords, ListMode, ListRow, MailboxId, Message, MessageId,
    MessageKey, StoreChange, ThreadKey, UnixTime,
};
use mail_store::{IntentId, IntentOutcome, NewIntent, SyncBatch};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use tokio::sync::broadcast::Receiver;

use crate::fixture::{Home, MORNING, from, ids, message, scope};

const MAILBOXES: [&str; 3] = ["archive", "choir", "inbox"];
const SENDERS: [&str; 7] = ["Ana", "Bo", "Cy", "Di", "Ed", "Flo", "Gus"];

/// What happens to an account.
#[derive(Debug, Clone)]
enum Event {
    Sync {
        upsert: Vec<Message>,
        update: Vec<MessageUpdate>,
        remove: Vec<MessageId>,
    },
    Queue {
        messages: Vec<usize>,
        keywords: Vec<KeywordEdit>,
        add_to: Vec<MailboxId>,
        remove_from: Vec<MailboxId>,
    },
    Finish(usize, IntentOutcome),
    Sweep(Vec<MessageId>),
    Reopen,
}

fn id() -> impl Strategy<Value = MessageId> {
    (0..14_u8).prop_map(|n| MessageId::new(format!("m{n}")).unwrap())
}

fn keyword() -> impl Strategy<Value = Keyword> {
    prop_oneof![
        3 => Just(Keyword::seen()),
        2 => Just(Keyword::flagged()),
        1 => Just(Keyword::answered()),
    ]
}

fn keywords() -> impl Strategy<Value = Keywords> {
    vec(keyword(), 0..3).prop_map(|keywords| keywords.into_iter().collect())
}

fn some_mailboxes(least: usize) -> impl Strategy<Value = Vec<MailboxId>> {
    subsequence(MAILBOXES.to_vec(), least..=MAILBOXES.len()).prop_map(|names| ids(&names))
}

prop_compose! {
    /// Of few conversations and few moments, so that ties and moves are common.
    fn mail()(
        id in id(), thread in 0..4_u8, minutes in 0..5_i64, sender in 0..SENDERS.len(),
        mailboxes in some_mailboxes(1), keywords in keywords(), has_attachment: bool,
    ) -> Message {
        let mut message = from(message(id.as_str(), &format!("t{thread}"), minutes), SENDERS[sender]);
        message.mailboxes = mailboxes;
        message.keywords = keywords;
        message.has_attachment = has_attachment;
        message
    }
}

prop_compose! {
    fn change()(id in id(), mailboxes in some_mailboxes(1), keywords in keywords())
        -> MessageUpdate
    {
        MessageUpdate { id, mailboxes, keywords }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let edit = (keyword(), any::<bool>()).prop_map(|(keyword, set)| KeywordEdit { keyword, set });
    prop_oneof![
        6 => (vec(mail(), 0..8), vec(change(), 0..3), vec(id(), 0..2)).prop_map(
            |(upsert, update, remove)| Event::Sync { upsert, update, remove }
        ),
        5 => (vec(0..14_usize, 1..4), vec(edit, 0..3), some_mailboxes(0), some_mailboxes(0)).prop_map(
            |(messages, keywords, add_to, remove_from)| Event::Queue {
                messages, keywords, add_to, remove_from,
            }
        ),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(n, done)| {
            Event::Finish(n, if done { IntentOutcome::Done } else { IntentOutcome::Refused })
        }),
        1 => vec(id(), 0..14).prop_map(Event::Sweep),
        1 => Just(Event::Reopen),
    ]
}

/// An intent as the model keeps it.
#[derive(Debug, Clone)]
struct Edit {
    id: IntentId,
    messages: BTreeSet<MessageId>,
    intent: NewIntent,
}

impl Edit {
    fn apply(&self, message: &mut Message) {
        for edit in &self.intent.keywords {
            message.keywords.apply(edit);
        }
        message
            .mailboxes
            .retain(|id| !self.intent.remove_from.contains(id));
        let missing = self
            .intent
            .add_to
            .iter()
            .filter(|id| !message.mailboxes.contains(id));
        let missing: Vec<_> = missing.cloned().collect();
        message.mailboxes.extend(missing);
        message.mailboxes.sort();
    }
}

#[derive(Debug, Default)]
struct Model {
    server: BTreeMap<MessageId, Message>,
    open: Vec<Edit>,
}

impl Model {
    fn sync(&mut self, upsert: &[Message], update: &[MessageUpdate], remove: &[MessageId]) {
        for message in upsert {
            self.server.insert(message.id.clone(), message.clone());
        }
        for update in update {
            if let Some(message) = self.server.get_mut(&update.id) {
                message.mailboxes = update.mailboxes.clone();
                message.keywords = update.keywords.clone();
            }
        }
        for id in remove {
            self.server.remove(id);
        }
    }

    fn finish(&mut self, n: usize, outcome: IntentOutcome) -> Option<IntentId> {
        if self.open.is_empty() {
            return None;
        }
        let edit = self.open.remove(n % self.open.len());
        if outcome == IntentOutcome::Done {
            for id in &edit.messages {
                if let Some(message) = self.server.get_mut(id) {
                    edit.apply(message);
                }
            }
        }
        Some(edit.id)
    }

    /// What the person sees.
    fn shown(&self) -> Vec<Message> {
        let mut shown: Vec<Message> = self.server.values().cloned().collect();
        for message in &mut shown {
            for edit in &self.open {
                if edit.messages.contains(&message.id) {
                    edit.apply(message);
                }
            }
        }
        shown
    }
}

/// A row without the keys that only the store can know.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    latest: MessageKey,
    received_at: UnixTime,
    senders: Vec<String>,
    subject: String,
    counts: (u32, u32),
    starred: bool,
    files: bool,
    keywords: Keywords,
}

/// Adds up the rows of a list the slow way.
fn rows(messages: &[(MessageKey, &Message)], mode: ListMode, filter: Filter) -> Vec<Row> {
    let mut groups: BTreeMap<String, Vec<(MessageKey, &Message)>> = BTreeMap::new();
    for (key, message) in messages {
        let group = match mode {
            ListMode::Conversations => message.thread.to_string(),
            ListMode::Messages => message.id.to_string(),
        };
        groups.entry(group).or_default().push((*key, *message));
    }
    let mut rows: Vec<Row> = groups
        .into_values()
        .map(|mut group| {
            group.sort_by_key(|(key, message)| std::cmp::Reverse((message.received_at, *key)));
            let mut senders: Vec<String> = Vec::new();
            for (_, message) in &group {
                if senders.len() < 5 && !senders.contains(&message.from[0].name) {
                    senders.push(message.from[0].name.clone());
                }
            }
            senders.reverse();
            let unread = group.iter().filter(|(_, m)| !m.keywords.is_seen()).count();
            let (latest, newest) = group[0];
            Row {
                latest,
                received_at: newest.received_at,
                senders,
                subject: newest.subject.clone(),
                counts: (group.len().try_into().unwrap(), unread.try_into().unwrap()),
                starred: group.iter().any(|(_, m)| m.keywords.is_flagged()),
                files: group.iter().any(|(_, m)| m.has_attachment),
                keywords: newest.keywords.clone(),
            }
        })
        .filter(|row| match filter {
            Filter::All => true,
            Filter::Unread => row.counts.1 > 0,
            Filter::Starred => row.starred,
            Filter::Files => row.files,
        })
        .collect();
    rows.sort_by_key(|row| row.latest);
    rows
}

async fn play(home: Home, model: &mut Model, event: Event) -> Home {
    match event {
        Event::Sync {
            upsert,
            update,
            remove,
        } => {
            model.sync(&upsert, &update, &remove);
            let batch = SyncBatch {
                upsert,
                update,
                remove,
                ..SyncBatch::default()
            };
            home.store.apply(batch).await.unwrap();
        }
        Event::Queue {
            messages,
            keywords,
            add_to,
            remove_from,
        } => {
            let mut intent = NewIntent {
                messages: Vec::new(),
                keywords,
                add_to,
                remove_from,
            };
            let mut messages_here = BTreeSet::new();
            for n in messages {
                let id = MessageId::new(format!("m{n}")).unwrap();
                if let Some(key) = home.store.message_key(&id).await.unwrap() {
                    intent.messages.push(key);
                    messages_here.insert(id);
                }
            }
            let (id, _) = home.store.queue_edit(intent.clone()).await.unwrap();
            model.open.push(Edit {
                id,
                messages: messages_here,
                intent,
            });
        }
        Event::Finish(n, outcome) => {
            if let Some(id) = model.finish(n, outcome) {
                home.store.finish_intent(id, outcome).await.unwrap();
            }
        }
        Event::Sweep(kept) => sweep(&home, model, &kept).await,
        Event::Reopen => return home.reopen().await,
    }
    home
}

/// The server names the kept ones and says nothing of the others.
async fn sweep(home: &Home, model: &mut Model, kept: &[MessageId]) {
    let sweep = home.store.begin_sweep().await.unwrap();
    let update = model
        .server
        .values()
        .filter(|message| kept.contains(&message.id))
        .map(|message| MessageUpdate {
            id: message.id.clone(),
            mailboxes: message.mailboxes.clone(),
            keywords: message.keywords.clone(),
        })
        .collect();
    let batch = SyncBatch {
        update,
        mark: Some(sweep),
        ..SyncBatch::default()
    };
    home.store.apply(batch).await.unwrap();
    home.store.finish_sweep(sweep).await.unwrap();
    model.server.retain(|id, _| kept.contains(id));
}

async fn compare(home: &Home, model: &Model, filters: &[Filter]) {
    let shown = model.shown();
    let mut keyed = Vec::new();
    for message in &shown {
        let key = home.message_key(message.id.as_str()).await;
        let mut stored = home.store.message(key).await.unwrap().unwrap().message;
        stored.mailboxes.sort();
        assert_eq!(&stored, message);
        keyed.push((key, message));
    }
    for mailbox in MAILBOXES {
        let id = MailboxId::new(mailbox).unwrap();
        let here: Vec<_> = keyed
            .iter()
            .filter(|(_, m)| m.mailboxes.contains(&id))
            .copied()
            .collect();
        for mode in [ListMode::Conversations, ListMode::Messages] {
            for filter in filters {
                let page = home.page(mailbox, mode, *filter).await;
                assert!(page.is_sorted_by(|a, b| a.cursor() > b.cursor()));
                let mut found: Vec<Row> = page
                    .into_iter()
                    .map(|row| Row {
                        latest: row.latest,
                        received_at: row.received_at,
                        senders: row.senders,
                        subject: row.subject,
                        counts: (row.message_count, row.unread_count),
                        starred: row.starred,
                        files: row.has_attachment,
                        keywords: row.keywords,
                    })
                    .collect();
                found.sort_by_key(|row| row.latest);
                let expected = rows(&here, mode, *filter);
                assert_eq!(found, expected, "{mailbox} {mode:?} {filter:?}");
                let list = scope(mailbox, mode, *filter);
                assert_eq!(
                    home.store.total(&list).await.unwrap(),
                    expected.len() as u64
                );
                let unread = expected.iter().filter(|row| row.counts.1 > 0).count();
                assert_eq!(home.store.unread(&list).await.unwrap(), unread as u64);
            }
        }
    }
    home.assert_counts().await;
}

/// Every row of every list, by mailbox and conversation.
type Picture = BTreeMap<(MailboxId, ThreadKey), Vec<ListRow>>;

async fn picture(home: &Home) -> Picture {
    let mut picture = Picture::new();
    for mailbox in MAILBOXES {
        for mode in [ListMode::Conversations, ListMode::Messages] {
            for row in home.page(mailbox, mode, Filter::All).await {
                let place = (MailboxId::new(mailbox).unwrap(), row.thread);
                picture.entry(place).or_default().push(row);
            }
        }
    }
    picture
}

/// Whoever follows the published changes misses no row that became another.
async fn assert_told(home: &Home, before: &Picture, changes: &mut Receiver<StoreChange>) {
    let mut mailboxes = BTreeSet::new();
    let mut threads = BTreeSet::new();
    let mut last = None;
    while let Ok(change) = changes.try_recv() {
        assert!(last < Some(change.number));
        last = Some(change.number);
        mailboxes.extend(change.mailboxes);
        threads.extend(change.threads);
    }
    let after = picture(home).await;
    for place in before.keys().chain(after.keys()) {
        if before.get(place) != after.get(place) {
            assert!(mailboxes.contains(&place.0), "{place:?}");
            assert!(threads.contains(&place.1), "{place:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_history_shows_what_a_simple_model_shows(history in vec(event(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut home = Home::new().await;
            let mut model = Model::default();
            for (n, event) in history.into_iter().enumerate() {
                let before = picture(&home).await;
                let mut changes = home.store.changes();
                home = play(home, &mut model, event).await;
                assert_told(&home, &before, &mut changes).await;
                let filter = [Filter::All, Filter::Unread, Filter::Starred, Filter::Files][n % 4];
                compare(&home, &model, &[filter]).await;
            }
            compare(&home, &model, &[Filter::All, Filter::Unread, Filter::Starred, Filter::Files])
                .await;
        });
    }
}

#[tokio::test]
async fn keys_grow_with_time_and_mail_of_one_moment_finds_free_ones() {
    let home = Home::new().await;
    let same: Vec<_> = (0..1500)
        .map(|n| message(&format!("s{n}"), &format!("t{n}"), 0))
        .collect();
    for batch in same.chunks(500) {
        home.upsert(batch.to_vec()).await;
    }
    home.upsert(vec![
        message("later", "later", 60 * 24),
        message("earlier", "earlier", -1),
    ])
    .await;
    let first = home.message_key("earlier").await.get();
    let last = home.message_key("later").await.get();
    assert_eq!(first, (MORNING - 60 - 946_684_800).div_euclid(8));
    let mut keys = BTreeSet::new();
    for message in &same {
        keys.insert(home.message_key(message.id.as_str()).await.get());
    }
    assert_eq!(keys.len(), 1500);
    assert!(keys.iter().all(|key| (first..last).contains(key)));
    home.assert_counts().await;
}
