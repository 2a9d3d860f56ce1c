//! Runs something of a deployment while its events are shown, and lets whoever interrupts say what is to become of it.

use std::future::Future;
use std::time::Duration;

use aomidori_deploy::decision::Answer;
use aomidori_deploy::event::Record;
use aomidori_deploy::{Hands, Stage};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use ureq::tls::TlsConfig;

use crate::commands::session::{AtOnce, Signals};
use crate::view::Printer;
use crate::view::deployment::screen::Screen;
use crate::view::progress::REDRAW;

/// How long a probe waits for its answer.
const ANSWER: Duration = Duration::from_secs(10);

/// What the driver has done for it: questions to whoever sits there, and probes.
pub(super) struct Asker {
    questions: mpsc::UnboundedSender<Question>,
    agent: Agent,
}

/// What is to become of a deployment.
pub(super) struct Question {
    id: String,
    stage: Stage,
    answer: oneshot::Sender<Answer>,
}

impl Asker {
    pub(super) fn new() -> (Asker, mpsc::UnboundedReceiver<Question>) {
        let (questions, asked) = mpsc::unbounded_channel();
        // Like the load balancer's own health checks: the status counts, wherever it redirects to, and the certificate is
        // for the service's name, not the load balancer's.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER))
            .max_redirects(0)
            .tls_config(TlsConfig::builder().disable_verification(true).build())
            .user_agent("aomidori-probe")
            .build();
        (Asker { questions, agent: config.into() }, asked)
    }
}

impl Hands for Asker {
    async fn interrupted(&self, id: &str, stage: &Stage) -> Answer {
        let (answer, answered) = oneshot::channel();
        let question = Question { id: id.to_owned(), stage: stage.clone(), answer };
        // Nobody there to ask: it goes on.
        if self.questions.send(question).is_err() {
            return Answer::Leave;
        }
        answered.await.unwrap_or(Answer::Leave)
    }

    async fn probe(&self, url: &str) -> Result<u16, String> {
        let (agent, url) = (self.agent.clone(), url.to_owned());
        let asked = tokio::task::spawn_blocking(move || agent.get(&url).call()).await;
        match asked {
            Ok(Ok(answer)) => Ok(answer.status().as_u16()),
            Ok(Err(error)) => Err(format!("no answer ({error})")),
            Err(error) => Err(format!("no answer ({error})")),
        }
    }
}

/// Runs it to its end. The first interrupt asks it to stop; the second drops it.
pub(super) async fn watch<T>(
    screen: &mut Screen<'_>,
    mut records: mpsc::UnboundedReceiver<Record>,
    mut questions: mpsc::UnboundedReceiver<Question>,
    cancel: &CancellationToken,
    run: impl Future<Output = T>,
) -> Result<T, AtOnce> {
    tokio::pin!(run);
    let mut redraw = tokio::time::interval(REDRAW);
    let mut signals = Signals::new();
    let result = loop {
        tokio::select! {
            biased;
            Some(record) = records.recv() => screen.see(&record),
            () = signals.next() => {
                if cancel.is_cancelled() {
                    return Err(AtOnce);
                }
                cancel.cancel();
            }
            Some(Question { id, stage, answer }) = questions.recv() => {
                let chosen = tokio::select! {
                    chosen = choose(screen, &id, &stage) => chosen,
                    () = signals.next() => return Err(AtOnce),
                };
                // The run is what waits for it.
                let _ = answer.send(chosen);
            }
            result = &mut run => break result,
            _ = redraw.tick() => screen.tick(),
        }
    };
    while let Ok(record) = records.try_recv() {
        screen.see(&record);
    }
    Ok(result)
}

/// Asks whoever interrupted. Without a terminal the deployment goes on.
async fn choose(screen: &mut Screen<'_>, id: &str, stage: &Stage) -> Answer {
    let asked = screen.with(|printer| {
        if !printer.can_ask() {
            return false;
        }
        let paint = printer.err_paint();
        printer.note(&format!(
            "\n{} is {}. {} Type `rollback` to stop it and go back; anything else leaves it running: ",
            id,
            stage.name(),
            paint.bold("Leave it running, or roll back?"),
        ));
        true
    });
    if !asked {
        return Answer::Leave;
    }
    match tokio::task::spawn_blocking(Printer::read_line).await {
        Ok(Some(line)) if matches!(line.as_str(), "rollback" | "r") => Answer::RollBack,
        Ok(_) | Err(_) => Answer::Leave,
    }
}
