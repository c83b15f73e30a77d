import HTTPTypes
import NIOCore

/// Shows people a page instead of a bare error: by status, by class, or one for all.
///
/// What it replaces is what nobody has written a page for: an error (400 to 599) that was made or thrown inside and is a
/// problem report or has no content. An error with content of another kind stays, such as a page of ``StaticResponse``
/// or ``Maintenance``. Answers of origins stay too, since many of them are meant: a form that is shown again with 422, a
/// page of the application's own. ``Configuration/replacedOfOrigins`` names those that are replaced, whatever they hold.
///
/// A client that asks for `text/html` by name, and for JSON no more than for that, gets the page; `*/*` does not name
/// it. Every other client gets a problem report (RFC 9457), and one that is there is left as it is. Both say
/// `Vary: Accept`.
///
/// Status and fields stay (`Retry-After`, `WWW-Authenticate`, `Allow`, `Cache-Control`, `Set-Cookie`, …) apart from those
/// that describe the content that is gone: its type, length, coding, language, location, disposition, digest, entity
/// tag, date and ranges; but a 416 keeps its `Content-Range`, which tells the length of what there is. The content itself
/// is given up unread, so that its connection is free. HEAD gets the same fields. gRPC, answers whose content never ends
/// by itself (``Body/isLive``) and upgrades are left alone. A `CancellationError` is no answer and passes.
///
/// It makes no second request for a page, and reads files once, when it is made: whoever changes one makes a new
/// composition.
///
/// ## Placement
/// Outside whatever refuses or answers; inside logs, ``CORS``, ``SecurityHeaders`` and what compresses. A strict content
/// security policy holds for the page as well.
///
/// ## Example
/// ```swift
/// ErrorPages("<!doctype html><title>{{status}}</title><h1>{{reason}}</h1><p>Request {{request-id}}")
/// ```
/// Customised, with a page of its own for what is not found, and for the failures of origins too:
/// ```swift
/// var pages = ErrorPages.Configuration()
/// pages[404] = "<!doctype html><title>Not found</title><h1>There is nothing here</h1>"
/// pages[.serverErrors] = ErrorPages.Page(file: "/srv/pages/5xx.html")
/// pages.replacedOfOrigins = [.serverErrors]
/// ErrorPages(pages)
/// ```
public struct ErrorPages: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        fileprivate var pages: [Statuses: Page] = [:]
        /// Which answers of origins are replaced, whatever they hold. None unless set; those without a page stay. An
        /// answer that a cache has kept counts as made here.
        public var replacedOfOrigins: Set<Statuses> = []

        /// No page.
        public init() {}

        /// The page for those statuses; `nil` for none. That of one status goes before that of its class, and that of a
        /// class before the one for all.
        public subscript(_ statuses: Statuses) -> Page? {
            get { pages[statuses] }
            set { pages[statuses] = newValue }
        }
    }

    private let configuration: Configuration
    /// What goes out, and for each status from 400 on which of them.
    private let pages: [Page]
    private let places: [Int?]
    private let replacesOfOrigins: [Bool]

    /// With one page for all errors that have none in `configuration`; bad values are reported by the ``blueprint``.
    public init(_ page: Page, _ configuration: Configuration = Configuration()) {
        var configuration = configuration
        if configuration[.all] == nil { configuration[.all] = page }
        self.init(configuration)
    }

    /// With that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        // The widest first, so that a narrower one takes its places.
        let usable = configuration.pages.filter { $0.value.problem == nil && $0.key.problem == nil }
            .sorted { $0.key.codes.count > $1.key.codes.count }
        var places = [Int?](repeating: nil, count: Statuses.all.codes.count)
        for (index, entry) in usable.enumerated() {
            for code in entry.key.codes { places[code - Statuses.first] = index }
        }
        pages = usable.map(\.value)
        self.places = places
        var ofOrigins = [Bool](repeating: false, count: places.count)
        for statuses in configuration.replacedOfOrigins where statuses.problem == nil {
            for code in statuses.codes { ofOrigins[code - Statuses.first] = true }
        }
        replacesOfOrigins = ofOrigins
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("ErrorPages")
        blueprint.preview = { _ in .passes }
        blueprint.require(!configuration.pages.isEmpty, "has no page", mend: "give it one, or leave it out")
        for (statuses, page) in configuration.pages.sorted(by: { $0.key.description < $1.key.description }) {
            let problem = page.problem
            blueprint.require(
                problem == nil, "has a page for \(statuses), which \(problem ?? "")",
                mend: "write HTML; {{status}}, {{reason}} and {{request-id}} stand for what they name")
        }
        let named = Set(configuration.pages.keys).union(configuration.replacedOfOrigins)
        for statuses in named.sorted(by: { $0.description < $1.description }) {
            blueprint.require(
                statuses.problem == nil, "names \(statuses), which \(statuses.problem ?? "")", mend: "use 400 to 599")
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        let audience = Audience(of: request.headers)
        if audience != .programs { context[AudienceKey.self] = audience }
        return nil
    }

    public func after(_ response: inout Response, context: RequestContext) {
        let index = response.status.code - Statuses.first
        guard index >= 0, index < places.count, let place = places[index] else { return }
        guard !response.isUpgrade, !response.body.isLive, !response.headers.isGRPC else { return }
        let isReport = response.headers.isProblemReport
        let isReplaced =
            response.headers.areReceived ? replacesOfOrigins[index] : isReport || response.body.isEmpty
        let audience = context[AudienceKey.self]
        guard isReplaced, audience != .gRPC else { return }
        response.headers.addVaryAccept()
        if audience == .programs, isReport { return }
        // RFC 9110 section 15.5.17.
        let keepsRange = response.status.code == 416
        response.headers.removeEntries(from: 0) { headers, entry in
            describesContent.contains { headers.matches(entry, $0) }
                && !(keepsRange && headers.matches(entry, .contentRange))
        }
        response.body.discard()
        if audience == .people {
            response.headers.append(.contentType, "text/html; charset=utf-8")
            response.body = .bytes(pages[place].content(for: response.status, requestID: context[RequestIDKey.self]))
        } else {
            response.headers.append(.contentType, "application/problem+json")
            response.body = Response(response.status, problem: nil).body
        }
    }
}

/// The fields that tell of the content that they come with (RFC 9110 sections 8 and 14, RFC 9530, RFC 6266).
private let describesContent: [HTTPField.Name] = [
    .contentType, .contentLength, .transferEncoding, .trailer, .contentEncoding, .contentLanguage, .contentLocation,
    .contentRange, .contentDisposition, .acceptRanges, .eTag, .lastModified, .init(literal: "Content-MD5"),
    .init(literal: "Content-Digest"), .init(literal: "Repr-Digest"), .init(literal: "Digest"),
]

// MARK: - Who asks

/// Who reads the answer to a request.
private enum Audience: Sendable {
    case people, programs
    /// A client of gRPC, which takes no other content.
    case gRPC

    init(of headers: Headers) {
        var accept: Headers.Entry?
        for entry in headers.entries {
            // The lengths of the names tell them from nearly all others.
            switch entry.nameLength {
            case 6 where accept == nil && headers.matches(entry, .accept): accept = entry
            case 12 where headers.matches(entry, .contentType) && headers.isGRPC:
                self = .gRPC
                return
            default: break
            }
        }
        self = accept.map { Self.asksForPage($0, of: headers) } == true ? .people : .programs
    }

    /// Whether a client asks for HTML by name, and for JSON no more than for that (RFC 9110 section 12.5.1).
    private static func asksForPage(_ first: Headers.Entry, of headers: Headers) -> Bool {
        // What browsers send begins like this: nothing can weigh more.
        let isPlain = headers.withValue(of: first) { value in
            let html = "text/html".utf8.span
            guard value.count >= html.count, equalIgnoringCase(value.extracting(0..<html.count), lowercase: html) else {
                return false
            }
            return value.count == html.count || value[html.count] == UInt8(ascii: ",")
        }
        if isPlain { return true }
        let accepted = WeightedList(headers[values: .accept])
        func weight(_ ranges: [String]) -> Int {
            for range in ranges {
                let weights = accepted.filter { $0.value.lowercased() == range }.map(\.quality.thousandths)
                if let weight = weights.max() { return weight }
            }
            return 0
        }
        let html = weight(["text/html", "text/*"])
        let json = max(
            weight(["application/problem+json", "application/*"]), weight(["application/json", "application/*"]))
        return html > 0 && html >= json
    }
}

/// Who reads the answer; programs unless somebody has found out.
private enum AudienceKey: ContextKey {
    static var defaultValue: Audience { .programs }
}

extension Headers {
    /// Whether any of them came over a wire.
    fileprivate var areReceived: Bool { entries.contains { $0.origin != .own } }

    fileprivate var isGRPC: Bool { hasType("application/grpc") }

    fileprivate var isProblemReport: Bool { hasType("application/problem+json") }

    /// Whether the media type begins so.
    private func hasType(_ type: StaticString) -> Bool {
        guard let index = firstIndex(of: .contentType) else { return false }
        return withValue(of: entries[index]) { value in
            type.withUTF8Buffer { type in
                value.count >= type.count
                    && equalIgnoringCase(value.extracting(0..<type.count), lowercase: type.span)
            }
        }
    }

    /// RFC 9110 section 12.5.5.
    fileprivate mutating func addVaryAccept() {
        let members = FieldList(self[values: .vary]).map { $0.lowercased() }
        guard !members.contains("*"), !members.contains("accept") else { return }
        append(.vary, "Accept")
    }
}
