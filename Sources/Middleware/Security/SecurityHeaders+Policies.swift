extension SecurityHeaders {
    /// For how long a browser comes back over TLS alone (HSTS, RFC 6797). It is a promise that cannot be taken back
    /// before it ends, except by a new answer over TLS.
    public struct TransportSecurity: Hashable, Sendable {
        /// How long, in whole seconds from each answer. A year unless set; zero ends an earlier promise.
        public var maxAge: Duration = .seconds(31_536_000)
        /// Whether it holds for every host below this one too. Not unless set: one of them may have no TLS.
        public var includesSubdomains = false
        /// Whether the host may be put on the list that browsers ship. Not unless set; wants a year and subdomains.
        public var isPreloaded = false

        public init() {}

        /// RFC 6797 section 6.1.
        package var value: String {
            "max-age=\(max(0, maxAge.components.seconds))" + (includesSubdomains ? "; includeSubDomains" : "")
                + (isPreloaded ? "; preload" : "")
        }

        /// What is wrong with it.
        package var problem: String? {
            if maxAge < .zero { return "promises TLS for \(maxAge)" }
            // hstspreload.org, "Submission Requirements".
            let isEnough = maxAge >= .seconds(31_536_000) && includesSubdomains
            return isPreloaded && !isEnough ? "asks to be preloaded without a year and all subdomains" : nil
        }
    }

    /// Who may put a page into a frame (`X-Frame-Options`, the HTML standard). Browsers that know `frame-ancestors` of
    /// the content security policy go by that.
    public enum Framing: String, Hashable, Sendable {
        /// Nobody.
        case nobody = "DENY"
        /// Pages of the same origin.
        case sameOrigin = "SAMEORIGIN"
    }

    /// What a page tells about itself when it links elsewhere (Referrer Policy).
    public enum Referrer: String, Hashable, Sendable {
        /// Nothing.
        case nothing = "no-referrer"
        /// Its URL to its own origin alone.
        case sameOrigin = "same-origin"
        /// Its origin, and nothing where TLS ends.
        case strictOrigin = "strict-origin"
        /// Its URL to its own origin, its origin to others, and nothing where TLS ends.
        case strictOriginWhenCrossOrigin = "strict-origin-when-cross-origin"
        /// Its origin, everywhere.
        case origin
    }

    /// Which windows a page shares its browsing context group with (`Cross-Origin-Opener-Policy`, the HTML standard).
    public enum Opener: String, Hashable, Sendable {
        /// Those of its own origin.
        case sameOrigin = "same-origin"
        /// Those, and the windows that it opens itself: what sign-in and payment windows need.
        case sameOriginAllowPopups = "same-origin-allow-popups"
        /// Any.
        case unsafeNone = "unsafe-none"
    }

    /// What a page may embed of other origins (`Cross-Origin-Embedder-Policy`, the HTML standard).
    public enum Embedder: String, Hashable, Sendable {
        /// What allows it by CORS or by its resource policy.
        case requireCORP = "require-corp"
        /// Anything, but without cookies.
        case credentialless
        /// Anything.
        case unsafeNone = "unsafe-none"
    }

    /// Whose pages may embed an answer without CORS (`Cross-Origin-Resource-Policy`, the Fetch standard).
    public enum Resource: String, Hashable, Sendable {
        /// Those of its own origin.
        case sameOrigin = "same-origin"
        /// Those of its own site.
        case sameSite = "same-site"
        /// All.
        case crossOrigin = "cross-origin"
    }
}
