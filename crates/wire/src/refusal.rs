//! Why a message was refused: what a client is told, and what is written down about a service.

use std::fmt;

macro_rules! reasons {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $status:literal, $detail:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum $type {
            $($(#[$doc])* #[doc = concat!("\"", $detail, "\"")] $variant,)+
        }

        impl $type {
            /// The status to answer with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $($type::$variant => $status,)+ }
            }

            /// What was wrong, in a sentence that repeats nothing of the input.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $($type::$variant => $detail,)+ }
            }

            /// Every reason there is.
            pub const ALL: &[$type] = &[$($type::$variant,)+];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.detail())
            }
        }

        impl std::error::Error for $type {}
    };
}

reasons! {
    /// Why a request was refused. The connection is closed after the answer.
    Refusal {
        Tls = 400, "this port speaks plain HTTP, but the bytes are TLS; use http:// or the TLS port";
        Http2 = 400, "HTTP/2 with prior knowledge is not spoken on this port; use HTTP/1.1";
        Http09 = 400, "the request line lacks a version; end it with HTTP/1.1";
        EmptyLines = 400, "more than one empty line before the request line";
        BareLf = 400, "a line of the head ends in LF alone; end lines with CR LF";
        BareCr = 400, "a CR in the head is not followed by LF";
        Nul = 400, "the head holds a NUL byte";
        ControlCharacter = 400, "the head holds a control character";
        BadMethod = 400, "the method must be a token followed by one space";
        ExtraSpace = 400, "the parts of the request line must be separated by one space each";
        BadTarget = 400, "the request target holds a byte that must be percent-encoded, or a fragment";
        BadVersion = 400, "the version must be HTTP/1.1 or HTTP/1.0";
        Folded = 400, "a field line begins with white space; folded lines are not accepted";
        EmptyName = 400, "a field line has no name";
        SpaceBeforeColon = 400, "a field name is followed by white space; put the colon right after it";
        BadName = 400, "a field name holds a character that is not allowed there";
        BadFieldLine = 400, "a field line could not be read";
        HeadTooLarge = 431, "the request head is too large";
        TooManyFields = 431, "the request has too many field lines";
        TargetTooLong = 414, "the request target is too long";
        NoHost = 400, "an HTTP/1.1 request must have a Host field";
        ManyHosts = 400, "the request has more than one Host field";
        BadHost = 400, "the Host field must be a name or address with an optional port";
        HostMismatch = 400, "the authority of the request target differs from the Host field";
        BadScheme = 400, "an absolute request target must begin with http:// or https://";
        UserInfo = 400, "the request target must not hold user information";
        BadForm = 400, "the request target must be a path beginning with a slash, or an absolute URI";
        BadAsterisk = 400, "the request target * may be used with OPTIONS only";
        Connect = 405, "CONNECT is not served";
        Trace = 405, "TRACE is not served";
        LengthAndCoding = 400, "the request has both Content-Length and Transfer-Encoding";
        ManyLengths = 400, "the request has more than one Content-Length";
        BadLength = 400, "Content-Length must be one decimal number";
        BadCoding = 400, "Transfer-Encoding must be chunked, once";
        UnknownCoding = 501, "the only transfer coding understood is chunked";
        CodingInHttp10 = 400, "Transfer-Encoding does not exist in HTTP/1.0";
        BadExpect = 417, "the only expectation understood is 100-continue";
        BadConnection = 400, "the Connection field must be a list of names";
        ProtectedNomination = 400, "the Connection field names a field that must not be removed";
        BadEscape = 400, "the path holds a percent sign that two hexadecimal digits do not follow";
        AboveRoot = 400, "the path's dot segments lead above its root";
    }
}

reasons! {
    /// Why a service's answer was not understood. The client gets 502; the detail is for the log.
    Malformed {
        BadStatusLine = 502, "the answer does not begin with HTTP/1.1 or HTTP/1.0 and a space";
        BadStatus = 502, "the status is not three digits from 100 to 599";
        BareLf = 502, "a line of the answer's head ends in LF alone";
        BareCr = 502, "a CR in the answer's head is not followed by LF";
        ControlCharacter = 502, "the answer's head holds a control character";
        Folded = 502, "the answer has a folded field line";
        BadName = 502, "the answer has a field name that is not a token followed by a colon";
        BadFieldLine = 502, "a field line of the answer could not be read";
        HeadTooLarge = 502, "the answer's head is too large";
        TooManyFields = 502, "the answer has too many field lines";
        LengthAndCoding = 502, "the answer has both Content-Length and Transfer-Encoding";
        ManyLengths = 502, "the answer has more than one Content-Length";
        BadLength = 502, "the answer's Content-Length is not one decimal number";
        BadCoding = 502, "the answer's Transfer-Encoding is not chunked, once";
        CodingInHttp10 = 502, "the answer has a Transfer-Encoding in HTTP/1.0";
        BadConnection = 502, "the answer's Connection field is not a list of names";
        TooManyInterim = 502, "interim answers come without an end";
    }
}
