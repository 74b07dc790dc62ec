//! What happens around the app: the machine sleeps and wakes, and its network becomes another
//! one. Both leave connections behind that look open and lead nowhere, and nobody says so; every
//! account gives them up and looks at once.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mail_engine::clock::{SystemClock, woken};
use netwatcher::{AsyncWatch, Interface, async_adapter::Tokio};

use crate::app::{App, Inner};

/// A network comes up in several steps; the last of them is waited for this long.
const SETTLES: Duration = Duration::from_secs(1);
/// But no longer than this in all.
const PATIENCE: Duration = Duration::from_secs(4);

impl App {
    /// Watches the surroundings until the app stops.
    pub(crate) fn watch_surroundings(&self) {
        let app = Arc::downgrade(&self.0);
        let stopping = self.0.stopping.clone();
        tokio::spawn(stopping.run_until_cancelled_owned(async move {
            let mut network = Network::new();
            loop {
                let what = tokio::select! {
                    () = woken(&SystemClock) => "the machine woke up",
                    () = network.changed() => "the network is another one",
                };
                network.settled().await;
                tracing::info!("{what}: every account connects anew");
                if reconnect(&app).await.is_none() {
                    return;
                }
            }
        }));
    }
}

/// Makes every account connect anew; none when the app is gone.
async fn reconnect(app: &Weak<Inner>) -> Option<()> {
    let accounts = app.upgrade()?.accounts.all();
    let all = accounts.into_iter().filter_map(|account| account.open());
    // Making new clients reads certificates.
    let made = tokio::task::spawn_blocking(move || all.for_each(|open| open.engine.reconnect()));
    made.await.ok()
}

/// The addresses this machine can be reached under.
struct Network {
    /// None where the system does not tell; then connections are found dead by their silence.
    watch: Option<AsyncWatch>,
    known: Option<BTreeSet<IpAddr>>,
}

impl Network {
    fn new() -> Self {
        let watch = netwatcher::watch_interfaces_async::<Tokio>();
        let watch = watch.inspect_err(|error| {
            tracing::warn!(%error, "the system does not tell when the network changes");
        });
        Self {
            watch: watch.ok(),
            known: None,
        }
    }

    /// Returns once the addresses are others than before.
    ///
    /// # Cancellation
    /// Nothing is lost by dropping the future.
    async fn changed(&mut self) {
        loop {
            let Some(watch) = &mut self.watch else {
                return std::future::pending().await;
            };
            let update = watch.changed().await;
            if self.note(usable(&update.interfaces)) {
                return;
            }
        }
    }

    /// Returns once the network has been the same for a moment.
    async fn settled(&mut self) {
        let settle = async { while tokio::time::timeout(SETTLES, self.changed()).await.is_ok() {} };
        // Not settled in time is settled enough.
        let _settled = tokio::time::timeout(PATIENCE, settle).await.is_ok();
    }

    /// Notes the addresses; says whether they are others than before. The first ones are not.
    fn note(&mut self, now: BTreeSet<IpAddr>) -> bool {
        let before = self.known.replace(now);
        before.is_some() && before != self.known
    }
}

/// Addresses that lead beyond this machine and its own cable.
fn usable(interfaces: &HashMap<u32, Interface>) -> BTreeSet<IpAddr> {
    let all = interfaces.values().flat_map(|interface| &interface.ips);
    all.map(|record| record.ip)
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
            IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use netwatcher::IpRecord;

    use super::*;

    fn interfaces(addresses: &[&str]) -> HashMap<u32, Interface> {
        let record = |address: &&str| IpRecord {
            ip: address.parse().unwrap(),
            prefix_len: 24,
        };
        let interface = Interface {
            index: 2,
            name: "wlan0".into(),
            hw_addr: String::new(),
            ips: addresses.iter().map(record).collect(),
        };
        HashMap::from([(2, interface)])
    }

    fn network() -> Network {
        Network {
            watch: None,
            known: None,
        }
    }

    #[test]
    fn another_address_is_another_network_and_the_first_is_none() {
        let mut network = network();
        let mut note = |addresses: &[&str]| network.note(usable(&interfaces(addresses)));
        assert!(!note(&["192.0.2.7"]));
        assert!(!note(&["192.0.2.7"]));
        assert!(note(&["192.0.2.7", "2001:db8::7"]));
        assert!(note(&[]));
        assert!(note(&["198.51.100.7"]));
    }

    #[test]
    fn addresses_that_lead_nowhere_change_nothing() {
        let mut network = network();
        let mut note = |addresses: &[&str]| network.note(usable(&interfaces(addresses)));
        assert!(!note(&["192.0.2.7"]));
        assert!(!note(&[
            "192.0.2.7",
            "127.0.0.2",
            "169.254.1.1",
            "fe80::1",
            "::1"
        ]));
    }

    #[tokio::test]
    async fn the_system_tells_the_addresses_it_has() {
        let mut network = Network::new();
        let Some(watch) = &mut network.watch else {
            return;
        };
        let update = watch.changed().await;
        assert!(update.is_initial);
        assert!(!network.note(usable(&update.interfaces)));
    }
}
