//! Hints of the Resource Groups Tagging API: what carries a stack's mark, whatever the stack wants.

use aomidori_model::{Stack, StackName, ownership};
use aws_sdk_resourcegroupstagging::types::TagFilter;
use tokio::sync::OnceCell;

use crate::adopt::{self, Claims};
use crate::call;
use crate::client::Cx;
use crate::tags::Tags;

/// How many resources a page of the index has at most.
const PAGE: u16 = 100;

/// The services that are asked about, with what they are in `ResourceTypeFilters`. EC2's own filters find all of EC2 but rules
/// in groups of others.
const SERVICES: [(&str, &str); 8] = [
    ("codedeploy", "codedeploy"),
    ("ec2", "ec2:security-group-rule"),
    ("ecr", "ecr"),
    ("ecs", "ecs"),
    ("elasticloadbalancing", "elasticloadbalancing"),
    ("iam", "iam"),
    ("logs", "logs"),
    ("servicediscovery", "servicediscovery"),
];

/// A line of the tagging index: something that carries, or once carried, the stack's mark. Never believed: it only adds
/// names to look up (aws-facts 1.2: the index lags and lists the dead).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The whole ARN.
    pub(crate) arn: String,
    /// Its service (`ecs`).
    pub(crate) service: String,
    /// What comes after the account (`service/CLUSTER/NAME`).
    pub(crate) rest: String,
    /// Its tags, as the index has them.
    pub(crate) tags: Tags,
}

/// The index, as far as it has been read.
///
/// Its pages come one after the other, and reads of most services wait for them. Where all fits a page or so, one read serves
/// every service; where it does not, each service's lines are read by themselves, side by side.
pub(super) struct Index<'a> {
    cx: &'a Cx,
    stack: &'a StackName,
    claims: &'a Claims,
    by_service: bool,
    all: OnceCell<Vec<Hint>>,
    /// One service's each; none where it could not be read to its end.
    some: [OnceCell<Option<Vec<Hint>>>; SERVICES.len()],
}

impl<'a> Index<'a> {
    pub(super) fn new(cx: &'a Cx, stack: &'a Stack, claims: &'a Claims) -> Index<'a> {
        Index {
            cx,
            stack: stack.name(),
            claims,
            by_service: stack.len() > PAGE.into(),
            all: OnceCell::new(),
            some: Default::default(),
        }
    }

    /// What it says about one service, and what is claimed of it.
    pub(super) async fn about(&self, service: &str) -> Vec<&Hint> {
        let known = SERVICES.iter().zip(&self.some).find(|((name, _), _)| *name == service && self.by_service);
        let hints = match known {
            None => self.all().await,
            Some(((_, kind), some)) => {
                let read = || async {
                    let (hints, whole) = self.read(Some(*kind)).await;
                    whole.then_some(hints)
                };
                match some.get_or_init(read).await {
                    Some(some) => some,
                    // An endpoint that does not know the filter.
                    None => self.all().await,
                }
            }
        };
        hints.iter().filter(|hint| hint.service == service).collect()
    }

    async fn all(&self) -> &Vec<Hint> {
        // What there is of it will do: what is wanted is found by name anyway.
        self.all.get_or_init(|| async { self.read(None).await.0 }).await
    }

    /// What is claimed, and the index as far as it could be read; and whether that is all of it.
    async fn read(&self, kind: Option<&str>) -> (Vec<Hint>, bool) {
        let filter = TagFilter::builder().key(ownership::STACK).values(self.stack.as_str()).build();
        let mut hints: Vec<Hint> = adopt::hints(self.claims).collect();
        let mut token = None;
        loop {
            let answer = call::read("tag:GetResources", || {
                self.cx
                    .tagging
                    .get_resources()
                    .tag_filters(filter.clone())
                    .set_resource_type_filters(kind.map(|kind| vec![kind.to_owned()]))
                    .resources_per_page(PAGE.into())
                    .set_pagination_token(token.clone())
                    .send()
            })
            .await;
            let page = match answer {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(%error, kind, read = hints.len(), "the tagging index is not readable to its end");
                    return (hints, false);
                }
            };
            hints.extend(page.resource_tag_mapping_list.unwrap_or_default().into_iter().filter_map(|found| {
                let arn = found.resource_arn?;
                let [_, _, service, _, _, rest] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else { return None };
                let (service, rest) = (service.to_owned(), rest.to_owned());
                let tags = found.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
                Some(Hint { arn, service, rest, tags })
            }));
            // A page may be short or empty while there are more.
            token = page.pagination_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return (hints, true);
            }
        }
    }
}
