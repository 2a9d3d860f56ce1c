//! The lease.

use aomidori_engine::{Cloud, ErrorKind, LeaseRequest};

use crate::support::World;

fn request(holder: &str, seconds: u64) -> LeaseRequest {
    LeaseRequest {
        stack: "shop".parse().expect("a name"),
        holder: holder.into(),
        host: format!("host of {holder}"),
        purpose: "up".into(),
        seconds,
        break_lock: false,
    }
}

#[tokio::test]
async fn one_holder_at_a_time() {
    let world = World::instant().await;
    let stack = request("a", 60).stack;
    assert_eq!(world.aws.lease(&stack).await, Ok(None));
    assert_eq!(world.aws.take_lease(&request("a", 60)).await, Ok(()));
    // Renewed.
    assert_eq!(world.aws.take_lease(&request("a", 600)).await, Ok(()));
    let lease = world.aws.lease(&stack).await.expect("readable").expect("taken");
    assert_eq!((lease.holder.as_str(), lease.host.as_str()), ("a", "host of a"));
    assert!((590..=600).contains(&lease.expires_in), "{lease:?}");
    let refused = world.aws.take_lease(&request("b", 60)).await.expect_err("it is taken");
    assert_eq!(refused.kind, ErrorKind::AlreadyExists);
    // Another's is not given back.
    assert_eq!(world.aws.release_lease(&stack, "b").await, Ok(()));
    assert!(world.aws.lease(&stack).await.expect("readable").is_some());
    assert_eq!(world.aws.take_lease(&LeaseRequest { break_lock: true, ..request("b", 60) }).await, Ok(()));
    assert_eq!(world.aws.release_lease(&stack, "b").await, Ok(()));
    assert_eq!(world.aws.lease(&stack).await, Ok(None));
}

#[tokio::test]
async fn an_expired_lease_goes_to_one_of_many() {
    let world = World::instant().await;
    assert_eq!(world.aws.take_lease(&request("dead", 0)).await, Ok(()));
    let holders: Vec<String> = (0..8).map(|n| format!("h{n}")).collect();
    let requests: Vec<LeaseRequest> = holders.iter().map(|holder| request(holder, 60)).collect();
    let taken = futures_util::future::join_all(requests.iter().map(|one| world.aws.take_lease(one))).await;
    let winners: Vec<&String> =
        holders.iter().zip(&taken).filter(|(_, taken)| taken.is_ok()).map(|(holder, _)| holder).collect();
    let lease = world.aws.lease(&requests[0].stack).await.expect("readable").expect("taken");
    assert_eq!(winners, [&lease.holder], "{taken:?}");
}
