//! Generations from a history.

use super::samples::*;
use crate::cloud::{Revision, Rolled, RolledEnd, Service, Status, TaskSet};
use crate::generations::{Deployed, Ended, Generation, Obstacle, back_to, number, number_rolling};
use crate::register::image_tag;
use crate::time::Moment;

fn arn(revision: u32) -> String {
    format!("arn:aws:ecs:r:1:task-definition/web:{revision}")
}

fn revision(number: u32, tag: &str) -> Revision {
    Revision {
        arn: arn(number),
        family: "web".into(),
        revision: number,
        active: true,
        images: [("web".to_owned(), format!("1.dkr.ecr.r.amazonaws.com/app@sha256:{tag}"))].into(),
        tags: [(image_tag("web"), tag.to_owned())].into(),
        registered_at: Some(Moment(i64::from(number) * 1000)),
        ..Revision::default()
    }
}

fn deployed(id: &str, of: u32, status: Status, served: bool, rolled_back: bool) -> Deployed {
    Deployed { deployment: deployment(id, status), task_definition: Some(arn(of)), served, rolled_back }
}

fn service(live: u32) -> Service {
    let set = TaskSet { status: "PRIMARY".into(), task_definition: arn(live), ..TaskSet::default() };
    Service { task_sets: vec![set], created_at: Some(Moment(1500)), ..Service::default() }
}

#[test]
fn what_the_service_was_created_with_is_the_first() {
    let revisions = [revision(2, "green"), revision(1, "blue")];
    let found = number(&service(1), &[], &revisions);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].number, found[0].revision, found[0].end), (1, 1, Ended::Live));
    assert_eq!(found[0].tag.as_deref(), Some("blue"));
}

#[test]
fn each_time_of_being_live_counts() {
    let revisions: Vec<Revision> =
        [(4, "v4"), (3, "v3"), (2, "green"), (1, "blue")].map(|(n, tag)| revision(n, tag)).into();
    // The newest first: back to 1; one that never served; one that was taken back in the middle of its shift; green.
    let history = [
        deployed("d-4", 1, Status::Succeeded, true, false),
        deployed("d-3", 4, Status::Failed, false, true),
        deployed("d-2", 3, Status::Stopped, true, true),
        deployed("d-1", 2, Status::Succeeded, true, false),
    ];
    let found = number(&service(1), &history, &revisions);
    let told: Vec<(u32, u32, Ended)> = found.iter().map(|it| (it.number, it.revision, it.end)).collect();
    assert_eq!(
        told,
        [(1, 1, Ended::Replaced), (2, 2, Ended::Replaced), (3, 3, Ended::RolledBack), (4, 1, Ended::Live)]
    );
    // Back without a number: the last one that lasted and is another.
    assert_eq!(back_to(&found, None).map(|it| it.number), Some(2));
    assert_eq!(back_to(&found, Some(1)).map(|it| it.revision), Some(1));
    assert_eq!(back_to(&found, Some(9)), None);
}

#[test]
fn one_cannot_go_back_to_what_is_gone() {
    let mut inactive = revision(1, "blue");
    inactive.active = false;
    let history =
        [deployed("d-2", 3, Status::Succeeded, true, false), deployed("d-1", 2, Status::Succeeded, true, false)];
    let found = number(&service(3), &history, &[revision(3, "v3"), inactive]);
    assert_eq!(found[0].obstacle, Some(Obstacle::RevisionInactive));
    assert_eq!(found[1].obstacle, Some(Obstacle::RevisionGone));
    assert_eq!((found[2].end, &found[2].obstacle), (Ended::Live, &None));
    assert_eq!(back_to(&found, None), None);
}

fn rolled(id: &str, of: u32, end: RolledEnd) -> Rolled {
    let created_at = Some(Moment(i64::from(of)));
    Rolled { id: id.into(), task_definition: Some(arn(of)), before: None, end, reason: None, created_at }
}

fn rolling(live: u32) -> Service {
    Service { task_definition: Some(arn(live)), created_at: Some(Moment(1500)), ..Service::default() }
}

#[test]
fn a_rolling_service_goes_back_by_what_ecs_remembers() {
    let revisions: Vec<Revision> =
        [(4, "v4"), (3, "v3"), (2, "green"), (1, "blue")].map(|(n, tag)| revision(n, tag)).into();
    // The newest first: one that is taken back, one anew, green, one that was overtaken.
    let mut history = [
        rolled("sd-5", 4, RolledEnd::RolledBack),
        rolled("sd-4", 2, RolledEnd::Succeeded),
        rolled("sd-3", 2, RolledEnd::Succeeded),
        rolled("sd-2", 3, RolledEnd::Stopped),
        rolled("sd-1", 1, RolledEnd::Succeeded),
    ];
    let found = number_rolling(&rolling(2), Some(&history), &revisions);
    let told: Vec<(u32, u32, Ended)> = found.iter().map(|it| (it.number, it.revision, it.end)).collect();
    assert_eq!(
        told,
        [(1, 1, Ended::Replaced), (2, 3, Ended::Unfinished), (3, 2, Ended::Live), (4, 4, Ended::RolledBack)]
    );
    assert_eq!(found[2].deployment.as_deref(), Some("sd-3"));
    assert_eq!(back_to(&found, None).map(|it| it.revision), Some(1));
    // Older than what ECS remembers: what ran before the oldest is the first.
    history[3].before = Some(arn(1));
    let found = number_rolling(&rolling(2), Some(&history[..4]), &revisions);
    assert_eq!((found[0].revision, found[0].end, found[0].deployment.as_ref()), (1, Ended::Replaced, None));
    // One that is on its way is no generation to go back from, or to.
    history[0].end = RolledEnd::AtWork;
    let found = number_rolling(&rolling(4), Some(&history), &revisions);
    assert_eq!(found.last().map(|it| it.end), Some(Ended::Running));
}

#[test]
fn without_a_history_nobody_guesses_what_served() {
    let mut gone = revision(1, "blue");
    gone.active = false;
    let revisions = [revision(4, "v4"), revision(3, "v3"), revision(2, "green"), gone];
    for history in [None, Some([].as_slice())] {
        let found = number_rolling(&rolling(3), history, &revisions);
        let told: Vec<(u32, u32, Ended)> = found.iter().map(|it| (it.number, it.revision, it.end)).collect();
        assert_eq!(told, [(1, 2, Ended::Unknown), (2, 3, Ended::Live)]);
        assert_eq!(back_to(&found, None), None);
        assert_eq!(back_to(&found, Some(1)).map(|it| it.revision), Some(2));
    }
}

fn both_sides(live: u32, other: u32) -> Service {
    let mut service = service(live);
    let set = TaskSet { status: "ACTIVE".into(), task_definition: arn(other), ..TaskSet::default() };
    service.task_sets.insert(0, set);
    service
}

#[test]
fn going_back_repairs_what_ended_half_way() {
    let revisions: Vec<Revision> = [(3, "v3"), (2, "green"), (1, "blue")].map(|(n, tag)| revision(n, tag)).into();
    let before = deployed("d-1", 2, Status::Succeeded, true, false);
    let told = |found: &[Generation]| -> Vec<(u32, Ended)> { found.iter().map(|it| (it.revision, it.end)).collect() };
    // Stopped in the middle of its shift: what was live before is PRIMARY still.
    let history = [deployed("d-2", 3, Status::Stopped, true, false), before.clone()];
    let found = number(&both_sides(2, 3), &history, &revisions);
    assert_eq!(told(&found), [(1, Ended::Replaced), (2, Ended::Live), (3, Ended::Unfinished)]);
    assert_eq!(back_to(&found, None).map(|it| it.revision), Some(2));
    // After its shift: it is PRIMARY itself.
    let found = number(&both_sides(3, 2), &history, &revisions);
    assert_eq!(told(&found), [(1, Ended::Replaced), (2, Ended::Replaced), (3, Ended::Unfinished)]);
    assert_eq!(back_to(&found, None).map(|it| it.revision), Some(2));
    // Before any production request.
    let history = [deployed("d-2", 3, Status::Failed, false, false), before.clone()];
    let found = number(&both_sides(2, 3), &history, &revisions);
    assert_eq!(back_to(&found, None).map(|it| it.revision), Some(2));
    // The same revision on both sides.
    let history = [deployed("d-2", 2, Status::Stopped, true, false), before.clone()];
    let found = number(&both_sides(2, 2), &history, &revisions);
    assert_eq!(back_to(&found, None).map(|it| (it.number, it.revision)), Some((2, 2)));
    // Once it is repaired, back means further back.
    let history =
        [deployed("d-3", 2, Status::Succeeded, true, false), deployed("d-2", 3, Status::Stopped, true, false), before];
    let found = number(&service(2), &history, &revisions);
    assert_eq!(back_to(&found, None).map(|it| it.revision), Some(1));
}
