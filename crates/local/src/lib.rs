//! The local cloud: AWS on 127.0.0.1, strict like AWS.
//!
//! It speaks AWS's own wire protocols, so any AWS client can talk to it, and it refuses what AWS refuses. State lives
//! in one [`LocalCloud`], of which a process can have many; each starts in milliseconds.
//!
//! ```
//! let cloud = aomidori_local::LocalCloud::start(aomidori_local::Options::default())?;
//! assert!(cloud.endpoint().starts_with("http://127.0.0.1:"));
//! cloud.shutdown()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! **Traffic is real.** Each listener of a load balancer is a port on 127.0.0.1 (see [`LocalCloud::traffic`]; also in `GET
//! /_aomidori/status`), and each task answers with a page in its image's colour, or with JSON if that is what `Accept` asks
//! for: service, revision, image tag, digest and task id. Without a healthy target the answer is 503. HTTPS listeners
//! speak plain HTTP here, since no certificate exists.
//!
//! **Images ask for trouble by their tag**, for practice. A tag that contains `never-healthy` fails the health check for
//! ever; `slow-start` answers 503 for 45 seconds; `crash` ends a minute after its start; `error-500` is healthy and answers
//! 500 to everybody else. All of that is simulated time.
//!
//! How it is built: `server` receives a request, `protocol` decodes it to the name of an operation and a JSON tree,
//! the service's handler (a synchronous function over `world`) answers with another JSON tree or an error, and
//! `protocol` encodes that. What takes time on AWS is an event in the world's queue, due on the simulated `clock`.
//!
//! Traffic is real: `traffic` opens a port on 127.0.0.1 for each listener of a load balancer and answers for the tasks.
//!
//! The crate depends on no other crate of this workspace and on no AWS SDK, so that a wrong belief about AWS is not
//! written down twice.

mod admin;
mod calls;
mod clock;
mod error;
mod filters;
mod input;
mod options;
mod page;
mod persist;
mod protocol;
mod server;
mod services;
mod tags;
mod throttle;
mod timings;
mod traffic;
mod world;

pub use clock::{Clock, Time};
pub use options::{Options, Pace, Quotas};
pub use server::{LocalCloud, serve};
pub use traffic::TrafficPort;

/// The words by which an image's tag asks for a colour or for trouble: `green`, `never-healthy`.
pub fn practice_words() -> impl Iterator<Item = &'static str> {
    traffic::colours().chain(services::ecs::container::TROUBLES)
}
