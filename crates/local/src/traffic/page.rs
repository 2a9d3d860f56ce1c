//! What stands in for a container: a page in its image's colour that says who answers.

use serde_json::json;

use super::route::Reply;
use crate::services::ecs::task::Task;

/// Colours that a tag can name.
const NAMED: &[(&str, &str)] = &[
    ("blue", "#1f6feb"),
    ("green", "#2da44e"),
    ("red", "#cf222e"),
    ("orange", "#e16f24"),
    ("yellow", "#d4a72c"),
    ("purple", "#8250df"),
    ("pink", "#e85aad"),
    ("gray", "#6e7781"),
    ("grey", "#6e7781"),
    ("black", "#24292f"),
];

/// The names of the colours that a tag can name.
pub(crate) fn colours() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(name, _)| *name)
}

/// The colour that a tag names, or else one of the image's own.
fn colour(tags: &[String], image: &str) -> String {
    let named = NAMED.iter().find(|(name, _)| tags.iter().any(|tag| tag.contains(name)));
    if let Some((_, colour)) = named {
        return (*colour).to_owned();
    }
    // FNV: the same image has the same colour everywhere.
    let hash =
        image.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("hsl({}, 60%, 42%)", hash % 360)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a task answers on a port.
pub(super) fn of(task: &Task, cluster: &str, group: &str, (port, status): (u16, u16), wants_json: bool) -> Reply {
    let serving =
        task.shape.load_balancers.iter().find(|b| b.container_port == u64::from(port)).map(|b| &b.container_name);
    let container = task.containers.iter().find(|c| Some(&c.name) == serving).or_else(|| task.containers.first());
    let (image, digest, tags) =
        container.map_or(("", None, [].as_slice()), |c| (c.image.as_str(), c.digest.as_deref(), c.tags.as_slice()));
    // Of several the one that people gave it: shorter than those of programs.
    let tag = tags.iter().min_by_key(|tag| tag.len()).map(String::as_str);
    let definition = task.definition.rsplit('/').next().unwrap_or_default();
    let (family, revision) = definition.rsplit_once(':').unwrap_or((definition, ""));
    let service = task.service.as_deref();
    let colour = colour(tags, digest.unwrap_or(image));
    if wants_json {
        let body = json!({
            "status": status,
            "cluster": cluster,
            "service": service,
            "family": family,
            "revision": revision.parse::<u32>().ok(),
            "taskDefinition": task.definition,
            "image": image,
            "imageTag": tag,
            "imageDigest": digest,
            "taskId": task.id,
            "taskSet": task.started_by,
            "targetGroup": group,
            "colour": colour,
        });
        return Reply {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: format!("{body}\n"),
        };
    }
    let rows = [
        ("service", format!("{cluster}/{}", service.unwrap_or_default())),
        ("revision", definition.to_owned()),
        ("image tag", tag.unwrap_or("-").to_owned()),
        ("digest", digest.unwrap_or("-").to_owned()),
        ("task", task.id.clone()),
        ("target group", group.to_owned()),
    ];
    let rows: String =
        rows.iter().map(|(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>\n", escape(value))).collect();
    let title = match status {
        200 => escape(tag.unwrap_or(definition)),
        other => other.to_string(),
    };
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>body{{background:{colour};\
         color:#fff;font:1.1rem/1.6 system-ui,sans-serif;margin:3rem}}th{{text-align:left;padding-right:2rem;font-weight:400;\
         opacity:.8}}td{{font-family:ui-monospace,monospace;overflow-wrap:anywhere}}</style></head>\n<body><h1>{title}</h1>\n\
         <table>\n{rows}</table>\n</body></html>\n"
    );
    Reply { status, headers: vec![("content-type", "text/html; charset=utf-8".to_owned())], body }
}

/// A target that no task of the local cloud stands for.
pub(super) fn stranger(address: &str, port: u16, group: &str) -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type", "text/plain; charset=utf-8".to_owned())],
        body: format!("{address}:{port} in {group}: registered by hand, no task of the local cloud\n"),
    }
}
