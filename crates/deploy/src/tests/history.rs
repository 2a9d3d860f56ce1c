//! Generations from a history.

use super::samples::*;
use crate::cloud::{Revision, Service, Status, TaskSet};
use crate::generations::{Deployed, Ended, Obstacle, back_to, number};
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
