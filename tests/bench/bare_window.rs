//! Spawn of a window of nothing to its first painted frame: what no start over this web view can
//! be faster than. Prints the median in milliseconds as JSON.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program for the command line"
)]

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use tauri::http::Response;
use tauri::{RunEvent, Url, WebviewUrl, WebviewWindowBuilder};

const WINDOW: &str = "BRAID_BENCH_BARE_WINDOW";
/// Says when two frames were drawn after the page was laid out, as Braid's own page does.
const PAGE: &str = "<!doctype html><title>Bare</title><p>Bare</p><script>
    requestAnimationFrame(() => requestAnimationFrame(() => { location.href = 'bare://localhost/painted' }))
</script>";

fn main() -> ExitCode {
    if std::env::var_os(WINDOW).is_some() {
        return window();
    }
    let quick = std::env::args().any(|word| word == "--quick");
    let runs = if quick { 3 } else { 9 };
    let Ok(own) = std::env::current_exe() else {
        return ExitCode::FAILURE;
    };
    let mut times = Vec::new();
    for run in 0..=runs {
        let begun = Instant::now();
        let ended = Command::new(&own).env(WINDOW, "1").status();
        if !ended.is_ok_and(|status| status.success()) {
            eprintln!("the bare window was not painted");
            return ExitCode::FAILURE;
        }
        // The first reads everything from the disk.
        if run > 0 {
            times.push(begun.elapsed());
        }
    }
    times.sort();
    let median = times.get(times.len() / 2).map_or(0, Duration::as_millis);
    println!("{{\"median_ms\":{median},\"runs\":{runs}}}");
    ExitCode::SUCCESS
}

fn window() -> ExitCode {
    let built = tauri::Builder::default()
        .register_uri_scheme_protocol("bare", |_, _| {
            let page = Response::builder().header("content-type", "text/html");
            page.body(PAGE.as_bytes()).unwrap_or_default()
        })
        .setup(|app| {
            let page: Url = "bare://localhost/".parse()?;
            WebviewWindowBuilder::new(app, "bare", WebviewUrl::CustomProtocol(page))
                .inner_size(1280.0, 800.0)
                .on_navigation(|url| {
                    if url.path() == "/painted" {
                        // At once: how a window is closed is not measured.
                        std::process::exit(0);
                    }
                    true
                })
                .build()?;
            Ok(())
        })
        .build(tauri::generate_context!());
    let Ok(app) = built else {
        return ExitCode::FAILURE;
    };
    app.run(|_, event| {
        if let RunEvent::Exit = event {
            std::process::exit(1);
        }
    });
    ExitCode::FAILURE
}
