//! Another workspace's xtask: all of Aomidori's commands over its own stack.

use aomidori::cli::{App, Exit};
use aomidori::prelude::*;

fn main() -> Exit {
    App::new("the shop", |inputs| {
        let mut stack = Stack::new(format!("shop-{}", inputs.get("stage")).parse()?);
        let (cidr, yes) = (inputs.parse("cidr")?, Some(true));
        let vpc = stack.add("network/vpc", Vpc { cidr, dns_support: yes, dns_hostnames: yes });
        stack.add("network/internet-gateway", InternetGateway { vpc });
        let name = format!("/shop/{}", inputs.get("stage")).parse()?;
        stack.add("platform/logs", LogGroup { name, retention_in_days: Some(14) });
        Ok(stack)
    })
    .input("stage", "dev", "Which environment it is.")
    .input("cidr", "10.20.0.0/16", "The VPC's network.")
    .main()
}
