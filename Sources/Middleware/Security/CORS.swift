public import HTTPTypes
import Logging

/// Lets pages of other origins read the answers: the CORS protocol of the WHATWG Fetch standard.
///
/// A preflight, which is an OPTIONS with `Origin` and `Access-Control-Request-Method`, is answered here and goes no
/// further: 204 with what is allowed, or 403 when the origin is not among those allowed. Every other request passes,
/// OPTIONS among them, and its answer is given the fields that let the page read it, or none.
///
/// It protects nobody: a browser sends a request before it looks at the answer, and other clients do not look at all.
/// What must not be done from other origins is refused by ``CSRF``, and by authentication.
///
/// The protocol's fields of one answer are one statement. An answer that has `Access-Control-Allow-Origin` from further
/// in is left as it is; one that has not loses the other fields of the protocol, so that an origin server's
/// `Access-Control-Allow-Credentials` cannot widen what is allowed here. `Vary: Origin` is added whenever the answer
/// depends on the origin, for requests without `Origin` and for refusals too, unless it is there. Where several stand
/// around each other, the innermost that a request reaches decides, also about what is thrown or answered between them,
/// and the outermost answers preflights.
///
/// ## Placement
/// Outside whatever refuses requests (limiters, authentication, ``CSRF``): a preflight carries no credentials, and a page
/// can only read a refusal that has these fields. Inside logs.
///
/// ## Example
/// ```swift
/// CORS(allowing: ["https://app.example", "https://*.app.example"])
/// ```
/// Customised, for an API that is used with cookies:
/// ```swift
/// var configuration = CORS.Configuration()
/// configuration.allowsCredentials = true
/// configuration.methods = .only([.get, .head, .post, .put, .patch, .delete])
/// configuration.requestFields = .only([.contentType, .authorization])
/// configuration.exposedFields = .only([.eTag, .xRequestID])
/// CORS(allowing: ["https://app.example"], configuration)
/// ```
/// `CORS(allowing: ["*"])` is for answers that anybody may read; it cannot be combined with credentials.
public struct CORS: HeadMiddleware {
    /// Some values, or whatever is asked for.
    public enum Allowance<Value: Sendable & Hashable>: Sendable, Hashable {
        /// These.
        case only([Value])
        /// All.
        case any
    }

    /// What may be configured.
    public struct Configuration: Sendable {
        /// The methods that a preflight allows; GET, HEAD and POST need no leave. Those three unless set.
        public var methods = Allowance<HTTPRequest.Method>.only([.get, .head, .post])
        /// The request fields that a preflight allows. `Content-Type` unless set, which covers JSON.
        public var requestFields = Allowance<HTTPField.Name>.only([.contentType])
        /// The fields of an answer that a page may read besides the safe ones. None unless set. Not ``Allowance/any``
        /// together with credentials, for which the protocol has no way.
        public var exposedFields = Allowance<HTTPField.Name>.only([])
        /// Whether a page may send cookies and read the answer to them. Not unless set.
        public var allowsCredentials = false
        /// Whether a page of a public network may ask a gateway in a private one, for browsers that ask a server for that
        /// leave (Private Network Access); Chromium asks the user instead by now. Not unless set.
        public var allowsPrivateNetwork = false
        /// For how long a browser keeps the answer to a preflight, in whole seconds; browsers cut it to two hours or a
        /// day. Ten minutes unless set; zero keeps none, `nil` says nothing, which means five seconds.
        public var maxAge: Duration? = .seconds(600)

        public init() {}
    }

    private let patterns: [OriginPattern]
    private let configuration: Configuration
    private let origins: OriginSet
    /// What an answer gets besides the allowed origin.
    private let terms: Terms
    /// What is decided about the exact origins, in the order of the set.
    private let exact: [Verdict]
    /// The same about all others, and about requests of none where all are allowed.
    private let others: Verdict
    /// The same for the answer to a preflight.
    private let preflight: FieldBlock
    private let refusal: Refusal

    /// For pages of those origins; bad values are reported by the ``blueprint``.
    public init(allowing origins: [OriginPattern], _ configuration: Configuration = Configuration()) {
        patterns = origins
        self.configuration = configuration
        self.origins = OriginSet(origins)
        let isForAll = self.origins.isEverything
        // Fetch, "CORS protocol and credentials": with credentials, no field of the protocol may be `*`.
        let hasCredentials = configuration.allowsCredentials && !isForAll
        terms = Terms(Self.answerFields(configuration, hasCredentials: hasCredentials), varies: !isForAll)
        exact = self.origins.exact.map { [terms] in Verdict(allowing: $0, terms) }
        others = isForAll ? Verdict(allowing: "*", terms) : Verdict(refusing: terms)
        preflight = Self.preflightFields(configuration, hasCredentials: hasCredentials, isForAll: isForAll)
        refusal = Refusal("this origin may not read the answers of this server", varies: !isForAll)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("CORS")
        blueprint.preview = { Self.isPreflight($0) ? .unknown : .passes }
        blueprint.require(!patterns.isEmpty, "allows no origin", mend: "name origins, or leave it out")
        for pattern in patterns {
            blueprint.require(
                pattern.problem == nil,
                "allows \(pattern), which \(pattern.problem ?? "")",
                mend: "write an origin such as https://app.example or https://*.app.example"
            )
        }
        blueprint.require(
            !(configuration.allowsCredentials && origins.isEverything),
            "allows credentials to every origin",
            mend: "name the origins, or allow no credentials"
        )
        blueprint.require(
            !(configuration.allowsCredentials && configuration.exposedFields == .any),
            "exposes all fields together with credentials, for which there is no way",
            mend: "name the fields, or allow no credentials"
        )
        if let maxAge = configuration.maxAge {
            blueprint.require(
                maxAge >= .zero, "keeps preflights for \(maxAge)", mend: "give zero or more, or nil to say nothing")
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        // Nearly all requests are a page's of this origin, or no page's.
        guard request.headers.contains(known: .origin) || context[VerdictKey.self] != nil else { return nil }
        let isPreflight = Self.isPreflight(request)
        // What is the same for all origins needs none; only one further out would have to hear of it.
        if origins.isEverything, !isPreflight {
            if context[VerdictKey.self] != nil { context[VerdictKey.self] = others }
            return nil
        }
        // RFC 6454 section 7.1: an origin is one value. Of several fields none is believed.
        let entry = request.headers.only(known: .origin)
        let verdict = entry.map { decide(on: $0, of: request.headers) }
        guard isPreflight else {
            // A refusal is kept as well: one further out may allow what this one does not.
            if verdict != nil || context[VerdictKey.self] != nil {
                context[VerdictKey.self] = verdict ?? Verdict(refusing: terms)
            }
            return nil
        }
        guard let origin = verdict?.origin else {
            context.logger.debug("a preflight of an origin that is not allowed")
            return refusal.response
        }
        return answer(toPreflight: request.headers, of: origin)
    }

    public func after(_ response: inout Response, context: RequestContext) {
        let known = response.headers.known
        let verdict = context[VerdictKey.self]
        // Fetch, "CORS protocol and HTTP caches": an answer that would be another one for another origin says so, and
        // one that is for all has the star whether an origin asked or not.
        if terms.varies || verdict?.terms.varies == true,
            !known.contains(.vary) || !Self.variesByOrigin(response.headers)
        {
            response.headers.add(Self.varyOrigin)
        }
        guard !known.contains(.accessControlAllowOrigin) else { return }
        response.headers.remove(known: .accessControlAllowCredentials)
        response.headers.remove(known: .accessControlExposeHeaders)
        if let verdict {
            verdict.write(to: &response.headers)
        } else if origins.isEverything {
            others.write(to: &response.headers)
        }
    }

    /// Fetch, "CORS protocol, HTTP requests": OPTIONS with both fields. All others are requests of their own.
    private static func isPreflight(_ request: Request) -> Bool {
        request.headers.contains(known: .origin) && request.method.matches(.options)
            && request.headers.contains(.accessControlRequestMethod)
    }

    private func decide(on origin: Headers.Entry, of headers: Headers) -> Verdict {
        guard !origins.isEverything else { return others }
        return headers.withValue(of: origin) { text in
            if let place = origins.place(ofExact: text) { return exact[place] }
            return origins.matchesPattern(text) ? Verdict(allowing: text, terms) : others
        }
    }

    /// Whether an answer says already that it depends on the origin.
    private static func variesByOrigin(_ headers: Headers) -> Bool {
        for entry in headers.entries where entry.known == .vary {
            let covers = headers.withValue(of: entry) { value in
                var reader = FieldListReader()
                while let member = reader.next(in: value) {
                    let name = value.extracting(member)
                    if name.spells("*") || name.spells("origin") { return true }
                }
                return false
            }
            if covers { return true }
        }
        return false
    }

    /// Fetch, "CORS protocol, HTTP responses". A method or a field that is not allowed is not refused here: the browser
    /// does it by what is allowed, and tells the developer which one it was.
    private func answer(toPreflight asked: Headers, of origin: String) -> Response {
        var headers = Headers()
        headers.append(.accessControlAllowOrigin, origin)
        headers.addMissing(of: preflight)
        if configuration.methods == .any, let method = asked[.accessControlRequestMethod],
            FieldGrammar.isToken(method.utf8.span)
        {
            headers.append(.accessControlAllowMethods, method)
        }
        if configuration.requestFields == .any {
            // Repeated name by name, since the star would leave out Authorization.
            let names = FieldList(asked[values: .accessControlRequestHeaders])
                .filter { FieldGrammar.isToken($0.utf8.span) }.map { String($0) }
            if !names.isEmpty { headers.append(.accessControlAllowHeaders, Self.list(names)) }
        }
        // Private Network Access, "CORS preflight": said only when it is asked.
        if configuration.allowsPrivateNetwork, asked[.accessControlRequestPrivateNetwork] == "true" {
            headers.append(.accessControlAllowPrivateNetwork, "true")
        }
        // Fetch, "CORS protocol, HTTP responses": an ok status; there is no content to send.
        return Response(.noContent, headers: headers)
    }

    private static func answerFields(
        _ configuration: Configuration, hasCredentials: Bool
    ) -> [(HTTPField.Name, String)] {
        var fields: [(HTTPField.Name, String)] = []
        if hasCredentials { fields.append((.accessControlAllowCredentials, "true")) }
        switch configuration.exposedFields {
        case .any where hasCredentials: break
        case .any: fields.append((.accessControlExposeHeaders, "*"))
        case .only([]): break
        case .only(let names): fields.append((.accessControlExposeHeaders, list(names.map(\.rawName))))
        }
        return fields
    }

    private static func preflightFields(
        _ configuration: Configuration, hasCredentials: Bool, isForAll: Bool
    ) -> FieldBlock {
        var fields: [(HTTPField.Name, String)] = []
        var varies = isForAll ? [] : ["Origin"]
        if hasCredentials { fields.append((.accessControlAllowCredentials, "true")) }
        switch configuration.methods {
        case .any: varies.append("Access-Control-Request-Method")
        case .only([]): break
        case .only(let methods): fields.append((.accessControlAllowMethods, list(methods.map(\.rawValue))))
        }
        switch configuration.requestFields {
        case .any: varies.append("Access-Control-Request-Headers")
        case .only([]): break
        case .only(let names): fields.append((.accessControlAllowHeaders, list(names.map(\.rawName))))
        }
        if configuration.allowsPrivateNetwork { varies.append("Access-Control-Request-Private-Network") }
        if let maxAge = configuration.maxAge {
            fields.append((.accessControlMaxAge, "\(max(0, maxAge.components.seconds))"))
        }
        if !varies.isEmpty { fields.append((.vary, list(varies))) }
        return FieldBlock(fields)
    }

    private static let varyOrigin = FieldBlock([(.vary, "Origin")])

    private static func list(_ values: [String]) -> String { values.joined(separator: ", ") }
}

/// What answers of one ``CORS`` are given; a reference, so that a verdict is small.
private final class Terms: Sendable {
    let pairs: [(HTTPField.Name, String)]
    let fields: FieldBlock
    /// Whether an answer would be another one for another origin.
    let varies: Bool

    init(_ pairs: [(HTTPField.Name, String)], varies: Bool) {
        self.pairs = pairs
        fields = FieldBlock(pairs)
        self.varies = varies
    }
}

/// What a ``CORS`` has decided about a request. Its terms go with its origin: those of another one may allow credentials.
private final class Verdict: Sendable {
    /// The allowed origin as it is answered; `nil` for none.
    let origin: String?
    let terms: Terms
    /// Origin and terms laid out, where the origin was known beforehand.
    private let fields: FieldBlock?

    init(allowing origin: String, _ terms: Terms) {
        self.origin = origin
        self.terms = terms
        fields = FieldBlock([(.accessControlAllowOrigin, origin)] + terms.pairs)
    }

    /// Of an origin that a pattern has.
    init(allowing origin: Span<UInt8>, _ terms: Terms) {
        self.origin = String(decoding: origin)
        self.terms = terms
        fields = nil
    }

    init(refusing terms: Terms) {
        origin = nil
        self.terms = terms
        fields = nil
    }

    /// Adds what it says to an answer without `Access-Control-Allow-Origin`.
    func write(to headers: inout Headers) {
        if let fields {
            headers.addMissing(of: fields)
        } else if let origin {
            headers.append(.accessControlAllowOrigin, origin)
            headers.addMissing(of: terms.fields)
        }
    }
}

/// The verdict of the innermost ``CORS`` that the request has reached.
private enum VerdictKey: ContextKey {
    static var defaultValue: Verdict? { nil }
}
