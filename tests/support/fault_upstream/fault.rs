//! Everything an upstream has been seen, or can be made, to do wrong; each with what must come of it.

use finstage::domain::FaultClass;

/// What must come of a question whose every answer is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The task fails with this class.
    Fails(FaultClass),
    /// The answer (or the next one) is good all the same: the bars are stored.
    Stored,
    /// One or the other, because two parties race: fails as the first, or as the second.
    Either(FaultClass, FaultClass),
}

impl Expected {
    /// Whether a task may end so.
    pub(crate) fn allows(self, class: Option<&str>) -> bool {
        match self {
            Self::Stored => class.is_none(),
            Self::Fails(expected) => class == Some(expected.as_str()),
            Self::Either(one, other) => [one, other].iter().any(|c| class == Some(c.as_str())),
        }
    }
}

/// Declares the faults: a variant, a line of documentation, what must come of it.
macro_rules! faults {
    ($( #[doc = $doc:literal] $name:ident => $expected:expr; )*) => {
        /// A way to answer wrongly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Fault { $( #[doc = $doc] $name, )* }

        impl Fault {
            /// Every fault.
            pub(crate) const ALL: &'static [Self] = &[ $( Self::$name, )* ];

            /// What it does, in words.
            pub(crate) fn doc(self) -> &'static str {
                match self { $( Self::$name => $doc.trim_ascii(), )* }
            }

            /// What must come of it.
            pub(crate) fn expected(self) -> Expected {
                use Expected::{Either, Fails, Stored};
                use FaultClass::{BadPayload, Blocked, NotFound, Outage, RateLimited};
                match self { $( Self::$name => $expected, )* }
            }
        }
    };
}

faults! {
    // Statuses.
    /// 429 with a text
    TooMany => Fails(RateLimited);
    /// 429 three times, then a good answer
    TooManyForAWhile => Stored;
    /// 429 with a `Retry-After` of a second, then a good answer
    TooManyRetryAfter => Stored;
    /// 429 with a body that never ends
    TooManyEndless => Fails(RateLimited);
    /// 500 with a text
    InternalError => Fails(Outage);
    /// 502 with a web page
    BadGateway => Fails(Outage);
    /// 503
    Unavailable => Fails(Outage);
    /// 503 with a `Retry-After` of a second, then a good answer
    UnavailableBriefly => Stored;
    /// 503 with a `Retry-After` that is a date, then a good answer
    UnavailableUntil => Stored;
    /// 503 with a `Retry-After` beyond the task's time
    UnavailableForLong => Fails(Outage);
    /// 401 with an error object
    Unauthorized => Fails(Blocked);
    /// 403 with a web page
    Forbidden => Fails(Blocked);
    /// 403 whose body does not come
    ForbiddenSilent => Fails(Blocked);
    /// 302 to a consent page on another host
    ConsentRedirect => Fails(Blocked);
    /// 301 to the same address, for ever
    RedirectLoop => Fails(Blocked);
    /// status 999
    Status999 => Fails(RateLimited);
    /// 204
    NoContent => Fails(Outage);
    /// 304, which nobody asked for
    NotModified => Fails(Outage);
    /// 206 with a good body
    PartialContent => Fails(Outage);
    /// 101, which nobody asked for
    SwitchingProtocols => Fails(Outage);
    /// 103 again and again, never an answer
    EndlessHints => Fails(Outage);
    // Time.
    /// headers a byte at a time, never ending
    SlowHeaders => Fails(Outage);
    /// a body a byte at a time, never ending
    SlowBody => Fails(Outage);
    /// the request is read, nothing is answered
    NeverAnswers => Fails(Outage);
    /// the connection is accepted, nothing is read
    NeverReads => Fails(Outage);
    // Connections that end.
    /// RST as soon as the connection is accepted
    ResetAtOnce => Fails(Outage);
    /// RST in the middle of the body
    ResetInBody => Fails(Outage);
    /// FIN instead of an answer
    ClosesUnanswered => Fails(Outage);
    /// FIN in the middle of the headers
    ClosesInHeaders => Fails(Outage);
    /// FIN in the middle of the body: the announced length is too long
    ClosesInBody => Fails(Outage);
    /// a good answer, then RST at the next request on that connection
    StaleKeepAlive => Stored;
    // HTTP.
    /// a chunked body without its end
    ChunksCutOff => Fails(Outage);
    /// a chunk whose size is no number
    BadChunkSize => Fails(Outage);
    /// a chunk larger than memory
    HugeChunkSize => Fails(BadPayload);
    /// 1 GB in chunks
    EndlessChunks => Fails(BadPayload);
    /// 1 GB until the connection closes
    EndlessBody => Fails(BadPayload);
    /// a length of 1 TB is announced, nothing comes
    HugeLength => Fails(BadPayload);
    /// two lengths that differ
    TwoLengths => Fails(Outage);
    /// one header line of 1 MB
    HugeHeader => Fails(Outage);
    /// 1,000 headers
    ManyHeaders => Fails(Outage);
    /// a header without a colon
    HeaderWithoutColon => Fails(Outage);
    /// data without a status line, as HTTP/0.9 had it
    NoStatusLine => Fails(Outage);
    /// two answers to one request
    TwoAnswers => Stored;
    /// an answer before any request
    AnswersUnasked => Either(Outage, BadPayload);
    // Encodings.
    /// gzip that breaks off
    TruncatedGzip => Fails(Outage);
    /// gzip whose checksum is wrong
    CorruptGzip => Fails(Outage);
    /// says gzip and is not
    FalseGzip => Fails(Outage);
    /// gzip, 1 MB that becomes 1 GB
    GzipBomb => Fails(BadPayload);
    /// brotli, 52 bytes that become 64 MB
    BrotliBomb => Fails(BadPayload);
    /// an encoding within another, undone once
    StackedEncodings => Fails(Outage);
    // Bodies.
    /// 200 without a body
    Empty => Fails(Outage);
    /// 200 with a web page
    WebPage => Fails(Outage);
    /// 200 with "Will be right back"
    RightBack => Fails(Outage);
    /// JSON that breaks off
    TruncatedJson => Fails(Outage);
    /// JSON with something behind it
    TrailingGarbage => Fails(Outage);
    /// another symbol's series
    WrongSymbol => Fails(BadPayload);
    /// another interval
    WrongGranularity => Fails(BadPayload);
    /// columns of different lengths
    UnequalColumns => Fails(BadPayload);
    /// a key twice, with two values
    DuplicateKeys => Fails(BadPayload);
    /// prices that no instrument has
    HugePrices => Fails(BadPayload);
    /// some prices as the texts "NaN" and "Infinity": rows without prices
    NanTexts => Stored;
    /// a bare NaN, which is no JSON
    BareNan => Fails(Outage);
    /// the error "Not Found" with status 200
    ErrorWith200 => Fails(NotFound);
    /// an error that is a text, with status 200
    ErrorAsText => Fails(Outage);
    /// an error with 1 MB of description
    LongError => Fails(NotFound);
    /// 100,000 opening brackets
    DeepNesting => Fails(Outage);
    /// 100,000 opening brackets under a key nobody knows
    DeepUnknownKey => Fails(Outage);
    /// bytes that are no UTF-8
    InvalidUtf8 => Fails(Outage);
    /// NUL bytes instead of a body, as a lost block has them
    NulBytes => Fails(Outage);
    /// a byte order mark before good JSON
    ByteOrderMark => Stored;
    /// a currency of 1 MB: it is left out
    LongCurrency => Stored;
    /// a million empty columns behind the good ones, to fill the memory
    ColumnBomb => Stored;
    /// 300,000 rows
    RowBomb => Fails(BadPayload);
    /// 100,000 dividends
    DividendBomb => Fails(BadPayload);
}

impl Fault {
    /// Whether it is done before a request is read, to whoever connects.
    pub(crate) fn is_at_accept(self) -> bool {
        matches!(
            self,
            Self::NeverReads | Self::ResetAtOnce | Self::AnswersUnasked
        )
    }

    /// Whether only a bound on time ends it.
    pub(crate) fn is_slow(self) -> bool {
        matches!(
            self,
            Self::EndlessHints
                | Self::SlowHeaders
                | Self::SlowBody
                | Self::NeverAnswers
                | Self::NeverReads
        )
    }

    /// How many questions for a symbol meet it before the upstream is well again.
    pub(crate) fn times(self) -> u32 {
        match self {
            Self::TooManyForAWhile => 3,
            Self::TooManyRetryAfter | Self::UnavailableBriefly | Self::UnavailableUntil => 1,
            _ => u32::MAX,
        }
    }
}
