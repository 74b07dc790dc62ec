//! Serves a rehearsal alone, for programs written elsewhere: prints one JSON line and runs until its input
//! ends or it is interrupted.
//!
//! Options: `--port N`, `--state-dir PATH`, `--login-url URL`, `--redirect-url URL` (again and again),
//! `--access-token-life SECONDS`, `--session-life SECONDS`, `--size N`, `--extra-people N`, `--identical-ids`,
//! `--provider-mail`, `--control`.

use std::io::Write;
use std::time::Duration;

use mail_rehearsal::{Rehearsal, RehearsalConfig};
use tokio::sync::oneshot;
use url::Url;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let told = told_to_end()?;
    let rehearsal = Rehearsal::start(config(std::env::args().skip(1))?).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(rehearsal.description())?)?;
    out.flush()?;
    tokio::select! {
        ended = input_ended() => ended?,
        () = told => {}
    }
    rehearsal.stop().await;
    Ok(())
}

/// Waits for the system to ask politely, as a service manager does. Whoever reads our line may ask at once,
/// so this listens from the moment it is called.
#[cfg(unix)]
fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Waits for the interruption key; there is no other polite way here.
#[cfg(not(unix))]
fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// The program that started this one holds the other end, so this one never outlives it.
fn input_ended() -> oneshot::Receiver<()> {
    let (ended, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let read = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ended.send(()).is_ok() && read.is_ok()
    });
    wait
}

fn config(mut words: impl Iterator<Item = String>) -> Result<RehearsalConfig, Failure> {
    let mut config = RehearsalConfig::default();
    while let Some(word) = words.next() {
        let flag = match word.as_str() {
            "--control" => Some(&mut config.control),
            "--identical-ids" => Some(&mut config.identical_ids),
            "--provider-mail" => Some(&mut config.provider_mail),
            _ => None,
        };
        if let Some(flag) = flag {
            *flag = true;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--port" => config.port = value.parse()?,
            "--state-dir" => config.state_dir = Some(value.into()),
            "--login-url" => config.public_login_url = Some(Url::parse(&value)?),
            "--redirect-url" => config.redirect_urls.push(Url::parse(&value)?),
            "--access-token-life" => {
                config.access_token_life = Some(Duration::from_secs(value.parse()?))
            }
            "--session-life" => config.session_life = Some(Duration::from_secs(value.parse()?)),
            "--extra-people" => config.extra_people = value.parse()?,
            "--size" => config.size = value.parse()?,
            other => return Err(format!("{other} is not known").into()),
        }
    }
    Ok(config)
}
