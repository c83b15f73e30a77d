public import HTTPTypes

/// Sends copies of requests to a shadow, whose answers nobody sees: a new version that is tried with real traffic.
///
/// The request itself is handled as if there were no mirror. A copy starts once the request's body, if there is one, has
/// been read to its end by those whose request it is, so that the shadow has no say in the pace; until then the body is
/// recorded, and a copy whose body turns out too long for the recording is not made. The work of a copy is spawned: it
/// outlives the request, runs on the same event loop, ends with its own time limit, and there are only so many at once.
/// What is too much is left out and counted. What goes wrong in the shadow is counted and logged at debug level.
///
/// Copies are made of GET, HEAD and OPTIONS alone unless said otherwise: the shadow does again what a request asks for.
/// They carry the credentials of the request. Give the shadow systems of its own behind it, or an answer to what
/// happens twice. No copies are made of upgrades, of CONNECT, and of live bodies, which have no end.
///
/// A copy is told by a field, `X-Shadow: 1`. What the shadow's own middlewares and proxy count, they count for copies as
/// well.
///
/// ## Placement
/// Inside authentication and limits, whose refusals are not worth a copy; outside what changes requests for the one origin
/// alone.
///
/// ## Example
/// ```swift
/// TrafficMirror(to: ReverseProxy(to: "http://10.0.9.1:8080"), share: 0.1)
/// ```
/// Customised, with bodies and for all methods:
/// ```swift
/// var configuration = TrafficMirror.Configuration()
/// configuration.methods = [.get, .head, .post, .put]
/// configuration.bodyBytes = 1 << 20
/// configuration.concurrency = 32
/// configuration.timeout = .seconds(5)
/// TrafficMirror(to: shadow, configuration)
/// ```
public struct TrafficMirror: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// The methods of which copies are made. GET, HEAD and OPTIONS unless set.
        public var methods: Set<HTTPRequest.Method> = [.get, .head, .options]
        /// The most bytes of a body that are recorded for a copy. 64 KiB unless set; 0 copies requests without a body
        /// alone.
        public var bodyBytes = 64 << 10
        /// How many copies there are at once, over all event loops, from the first byte recorded to the last one
        /// answered. 64 unless set.
        public var concurrency = 64
        /// How long the shadow has for its answer, body included. 10 seconds unless set. It ends the waits of this library;
        /// a handler of one's own that waits for something else holds its place until then.
        public var timeout = Duration.seconds(10)
        /// The most bytes that are read of an answer; past them it is cut. 1 MiB unless set. An answer is read so that the
        /// shadow does all the work that it would do, and its connection can be used again.
        public var answerBytes = 1 << 20
        /// The field, with the value `1`, that tells copies. `X-Shadow` unless set; `nil` adds none.
        public var mark: HTTPField.Name? = TrafficMirror.shadow

        public init() {}
    }

    private static let shadow = HTTPField.Name(literal: "X-Shadow")

    private let shadow: any Handler
    private let share: Double
    private let configuration: Configuration
    private let places: CopyPlaces

    /// Copies a share of the requests, from 0 to 1; bad values are reported by the ``blueprint``.
    public init(to shadow: some Handler, share: Double = 1, _ configuration: Configuration = Configuration()) {
        self.shadow = shadow
        self.share = share
        self.configuration = configuration
        places = CopyPlaces(limit: configuration.concurrency)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("TrafficMirror", children: [("shadow", shadow.blueprint)])
        blueprint.preview = { _ in .passes }
        blueprint.require((0...1).contains(share), "copies a share of \(share)", mend: "give 0 to 1")
        blueprint.require(
            !configuration.methods.isEmpty, "copies requests of no method", mend: "name one, or leave the mirror out")
        blueprint.require(
            configuration.bodyBytes >= 0, "records \(configuration.bodyBytes) bytes", mend: "give zero or more")
        blueprint.require(
            configuration.concurrency > 0,
            "makes \(configuration.concurrency) copies at once", mend: "allow one or more")
        blueprint.require(
            configuration.timeout > .zero, "gives the shadow \(configuration.timeout)", mend: "give more than zero")
        blueprint.require(
            configuration.answerBytes >= 0,
            "reads \(configuration.answerBytes) bytes of an answer", mend: "give zero or more")
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        if isCopied(request, context) { copy(&request, context) }
        return nil
    }

    private func isCopied(_ request: borrowing Request, _ context: RequestContext) -> Bool {
        configuration.methods.contains(request.method) && request.method != .connect
            && request.upgradeProtocol == nil && !request.body.isLive
            && context.runtime.randomness.isAmong(share: share)
    }

    /// Starts the copy, or has it start at the end of the body.
    private func copy(_ request: inout Request, _ context: RequestContext) {
        if let length = request.body.knownLength, length > configuration.bodyBytes {
            ShapingMetric.copies[.longRequest].increment()
            return
        }
        guard let place = places.take() else {
            ShapingMetric.copies[.busy].increment()
            return
        }
        let copy = ShadowCopy(of: request, for: shadow, configuration, place)
        guard !request.body.isReplayable else {
            copy.start(with: request.body, context)
            return
        }
        // A body that somebody has opened before is not there to be copied.
        guard let recorded = try? RecordedBody(recording: request.body, upTo: configuration.bodyBytes),
            let source = try? recorded.reader().open()
        else { return }
        request.body = .stream(CopiedBody(source, recorded, copy, context))
    }
}
