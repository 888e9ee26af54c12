//! Content negotiation: what a response is written as, by the client's `Accept`.

use async_graphql::ServerError;
use axum::http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

/// What one answer may be written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    /// `application/graphql-response+json`: the status tells whether the operation ran.
    GraphqlResponse,
    /// `application/json`: the status of every well-formed request is 200, as clients of the time before rely on.
    Json,
}

/// A response with `errors` and without `data`: nothing ran.
#[derive(Clone, Copy, Serialize)]
pub struct ErrorsOnly<'a> {
    pub errors: &'a [ServerError],
}

/// A response with errors and nothing else, in JSON.
pub fn errors_only(errors: &[ServerError]) -> String {
    // Maps here have text for keys, and nothing else makes it fail.
    serde_json::to_string(&ErrorsOnly { errors }).unwrap_or_default()
}

/// How a stream is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    EventStream,
    Multipart,
}

/// Which operations are answered by a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Streamed {
    Nothing,
    /// The client takes it, and likes another type as much.
    Subscriptions(Form),
    /// The client likes an event stream best (`text/event-stream`).
    Everything,
}

/// What a client takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// What is not streamed is written as this.
    pub media: Media,
    pub streamed: Streamed,
}

const EVENT_STREAM: &str = "text/event-stream";
/// Multipart is what else than subscriptions, too: these say of what kind.
const MULTIPART: &str = "multipart/mixed";
const SUBSCRIPTION_SPEC: [&str; 2] = ["subscriptionspec=1.0", "subscriptionspec=\"1.0\""];

impl Accepted {
    /// What the client likes best; `application/json` where it does not care. None where it takes nothing that there is.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::ACCEPT).iter();
        let text: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        if text.is_empty() {
            return Some(Self { media: Media::Json, streamed: Streamed::Nothing });
        }
        let text = text.join(",").to_ascii_lowercase();
        let is_multipart = text.split(',').any(takes_multipart);
        let ranges: Vec<_> = text.split(',').map(media_range).collect();
        // Of equally good ones the one that was named; of two named ones the newer.
        let liking = |media: &Media| {
            let (exact, quality) = media.quality(&ranges)?;
            let newer = exact == (*media == Media::GraphqlResponse);
            (quality > 0).then_some((quality, exact, newer))
        };
        let both = [Media::GraphqlResponse, Media::Json].into_iter();
        let liked = both.filter_map(|media| Some((liking(&media)?, media)));
        let liked = liked.max_by_key(|(liking, _)| *liking);
        // A stream is for those who name it.
        let stream = quality_of(EVENT_STREAM, &ranges).filter(|quality| *quality > 0);
        let multipart = is_multipart.then_some(Streamed::Subscriptions(Form::Multipart));
        match (liked, stream) {
            (Some((_, media)), None) => Some(Self { media, streamed: multipart.unwrap_or(Streamed::Nothing) }),
            (Some(((quality, ..), media)), Some(stream)) if quality >= stream => {
                Some(Self { media, streamed: Streamed::Subscriptions(Form::EventStream) })
            }
            (Some((_, media)), Some(_)) => Some(Self { media, streamed: Streamed::Everything }),
            (None, Some(_)) => Some(Self { media: Media::Json, streamed: Streamed::Everything }),
            (None, None) => multipart.map(|streamed| Self { media: Media::Json, streamed }),
        }
    }
}

impl Media {
    /// Whether the type was named, and its quality by the most specific range that covers it.
    fn quality(self, ranges: &[(&str, u16)]) -> Option<(bool, u16)> {
        let exact = quality_of(self.name(), ranges).map(|quality| (true, quality));
        let covered = || quality_of("application/*", ranges).or_else(|| quality_of("*/*", ranges));
        exact.or_else(|| Some((false, covered()?)))
    }

    fn name(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json",
            Self::Json => "application/json",
        }
    }

    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

fn quality_of(range: &str, ranges: &[(&str, u16)]) -> Option<u16> {
    ranges.iter().find(|(name, _)| *name == range).map(|found| found.1)
}

/// Whether a media range is that of subscriptions over multipart HTTP.
fn takes_multipart(range: &str) -> bool {
    let mut parameters = range.split(';').map(str::trim);
    let (name, quality) = media_range(range);
    name == MULTIPART && quality > 0 && parameters.any(|parameter| SUBSCRIPTION_SPEC.contains(&parameter))
}

/// A media range and its quality in thousandths.
fn media_range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|parameter| parameter.strip_prefix("q=")?.parse::<f32>().ok());
    (name, (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &[&'static str]) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        Accepted::read(&headers)
    }

    #[test]
    fn the_client_chooses_the_media_type() {
        let cases: [(&[&str], Option<Media>); 14] = [
            (&[], Some(Media::Json)),
            (&["*/*"], Some(Media::Json)),
            (&["application/*"], Some(Media::Json)),
            (&["application/json"], Some(Media::Json)),
            (&["application/graphql-response+json"], Some(Media::GraphqlResponse)),
            (&["application/graphql-response+json; charset=utf-8, application/json"], Some(Media::GraphqlResponse)),
            (&["application/json, application/graphql-response+json"], Some(Media::GraphqlResponse)),
            (&["application/json", "application/graphql-response+json;q=0.9"], Some(Media::Json)),
            (&["application/graphql-response+json, */*;q=0.1"], Some(Media::GraphqlResponse)),
            (&["application/json, */*"], Some(Media::Json)),
            (&["application/json;q=0, */*"], Some(Media::GraphqlResponse)),
            (&["Application/JSON"], Some(Media::Json)),
            (&["text/html"], None),
            (&["*/*;q=0"], None),
        ];
        for (accept, media) in cases {
            let expected = media.map(|media| Accepted { media, streamed: Streamed::Nothing });
            assert_eq!(accepted(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn streams_are_for_those_who_name_them() {
        for (accept, media, streamed) in [
            ("text/event-stream", Media::Json, Streamed::Everything),
            ("text/event-stream, */*;q=0.1", Media::Json, Streamed::Everything),
            ("text/event-stream, application/json", Media::Json, Streamed::Subscriptions(Form::EventStream)),
            (
                "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
                Media::GraphqlResponse,
                Streamed::Subscriptions(Form::EventStream),
            ),
            (
                "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json",
                Media::Json,
                Streamed::Subscriptions(Form::Multipart),
            ),
            (
                "multipart/mixed; subscriptionSpec=\"1.0\", application/graphql-response+json",
                Media::GraphqlResponse,
                Streamed::Subscriptions(Form::Multipart),
            ),
            ("multipart/mixed;subscriptionSpec=1.0", Media::Json, Streamed::Subscriptions(Form::Multipart)),
            ("multipart/mixed;subscriptionSpec=1.0;q=0, */*", Media::Json, Streamed::Nothing),
            ("multipart/mixed;subscriptionSpec=2.0, application/json", Media::Json, Streamed::Nothing),
            ("multipart/mixed;deferSpec=20220824, application/json", Media::Json, Streamed::Nothing),
            ("text/event-stream;q=0, application/json", Media::Json, Streamed::Nothing),
        ] {
            assert_eq!(accepted(&[accept]), Some(Accepted { media, streamed }), "{accept}");
        }
    }
}
