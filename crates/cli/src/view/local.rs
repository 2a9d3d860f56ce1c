//! The local cloud as people read about it.

use serde_json::Value;

use super::Paint;
use super::json::LocalResult;
use super::paint::table;

/// How it is, and how to use it.
pub(crate) fn human(local: &LocalResult, paint: Paint) -> String {
    let LocalResult { running, endpoint, pid, directory, account, speed, now, resources, traffic, environment } = local;
    let Some(endpoint) = endpoint.as_ref().filter(|_| *running) else {
        return format!("The local cloud does not run. Its state is in {directory}.\n");
    };
    let mut rows = vec![vec!["endpoint".to_owned(), paint.name(endpoint)]];
    if let Some(pid) = pid {
        rows.push(vec!["process".to_owned(), pid.to_string()]);
    }
    rows.push(vec!["state".to_owned(), directory.clone()]);
    if let Some(account) = account {
        rows.push(vec!["account".to_owned(), account.clone()]);
    }
    if let Some(now) = now {
        let pace = speed.map_or("stepped by hand".to_owned(), |speed| format!("{speed} times as fast as AWS"));
        rows.push(vec!["clock".to_owned(), format!("{now}, {pace}")]);
    }
    let mut text = format!("The local cloud runs.\n{}", table(&rows, 2));
    if !traffic.is_empty() {
        let rows: Vec<Vec<String>> = traffic
            .iter()
            .map(|one| {
                let listener = format!("{} {}", one.protocol, one.port);
                vec![one.load_balancer.clone(), listener, format!("-> {}", paint.name(&one.url)), one.region.clone()]
            })
            .collect();
        text.push_str(&format!("\n{}\n{}", paint.bold("traffic"), table(&rows, 2)));
    }
    if let Value::Object(regions) = resources {
        for (region, kinds) in regions {
            let Value::Object(kinds) = kinds else { continue };
            text.push_str(&format!("\n{}\n", paint.bold(region)));
            let rows: Vec<Vec<String>> =
                kinds.iter().map(|(kind, number)| vec![kind.clone(), number.to_string()]).collect();
            text.push_str(&table(&rows, 2));
        }
    }
    text.push_str(&format!("\n{}\n", paint.dim("# for the AWS CLI and other tools:")));
    for (name, value) in environment {
        text.push_str(&format!("export {name}={value}\n"));
    }
    text
}
