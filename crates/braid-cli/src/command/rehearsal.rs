//! The rehearsal's servers alone, for any other client.

use mail_app::{Paths, rehearsal};

use crate::arguments::Rehearsal;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(action: &Rehearsal, output: &Output) -> Result<(), Exit> {
    let failed = |error: rehearsal::RehearsalError| Exit::Because(error.to_string());
    match action {
        Rehearsal::Serve {
            port,
            size,
            extra_people,
            state,
        } => {
            let running = rehearsal::serve(*port, *size, *extra_people, state.clone())
                .await
                .map_err(failed)?;
            output.line(&running.description())?;
            tokio::signal::ctrl_c()
                .await
                .map_err(|error| Exit::Because(error.to_string()))?;
            running.stop().await;
            Ok(())
        }
        Rehearsal::Reset { state } => {
            let folder = match state {
                Some(folder) => folder.clone(),
                None => Paths::of_person()
                    .map_err(|error| Exit::Because(error.to_string()))?
                    .rehearsal(),
            };
            rehearsal::reset(&folder).map_err(failed)?;
            output.answer(&serde_json::json!({ "reset": true }), |_| {
                "The rehearsal begins anew.".into()
            })
        }
    }
}
