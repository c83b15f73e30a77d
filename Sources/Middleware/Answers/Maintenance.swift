import HTTPTypes
import NIOCore
import Synchronization

/// Answers 503 while work is done behind it, and lets some networks through all the same.
///
/// It is switched while the gateway runs, from any thread: one ``Switch`` may serve several pipelines. The answer
/// carries `Retry-After` and must not be stored. What is under way when it is switched on is not ended.
///
/// It does not drain connections or stop health checks of origins.
///
/// ## Placement
/// Inside logs and inside what resolves trusted proxies, whose clients are let through by their own address; outside
/// everything that needs what is being worked on. Follows `client address`.
///
/// ## Example
/// ```swift
/// let maintenance = Maintenance.Switch()
/// Pipeline {
///     Maintenance(maintenance)
///     ReverseProxy(to: "http://127.0.0.1:9000")
/// }
/// maintenance.isOn = true
/// ```
/// Customised, with a page, and with the office let through:
/// ```swift
/// var configuration = Maintenance.Configuration()
/// configuration.exempt = ["192.0.2.0/24", "2001:db8:17::/48"]
/// configuration.retryAfter = .seconds(1800)
/// configuration.page = "<!doctype html><title>Back soon</title><p>We are back at noon."
/// Maintenance(maintenance, configuration)
/// ```
public struct Maintenance: HeadMiddleware {
    /// Whether there is maintenance now. A reference: those who hold it see the same.
    public final class Switch: Sendable {
        private let state: Atomic<Bool>

        /// Off unless said otherwise.
        public init(isOn: Bool = false) { state = Atomic(isOn) }

        /// Whether requests are refused. Safe to read and set from any thread; requests see it at once.
        public var isOn: Bool {
            get { state.load(ordering: .relaxed) }
            set { state.store(newValue, ordering: .relaxed) }
        }
    }

    /// What may be configured.
    public struct Configuration: Sendable {
        /// Whose requests pass all the same. Nobody's unless set. A client on a Unix-domain socket is in no network.
        public var exempt: [Network] = []
        /// When a client should come back, in whole seconds, rounded up. Ten minutes unless set; `nil` says nothing.
        public var retryAfter: Duration? = .seconds(600)
        /// The page that people see; a problem report (RFC 9457) unless set.
        public var page: String?
        /// The media type of the page. HTML in UTF-8 unless set.
        public var contentType = "text/html; charset=utf-8"

        public init() {}
    }

    private let control: Switch
    private let configuration: Configuration
    private let headers: Headers
    private let content: ByteBuffer

    /// Switched by `control`; bad values are reported by the ``blueprint``.
    public init(_ control: Switch, _ configuration: Configuration = Configuration()) {
        self.control = control
        self.configuration = configuration
        var response = Response(.serviceUnavailable, problem: "there is maintenance under way")
        if let page = configuration.page {
            response.headers[.contentType] = configuration.contentType
            response.body = .text(page)
        }
        if let wait = configuration.retryAfter {
            // RFC 9110 section 10.2.3: delay-seconds, a whole number.
            let (seconds, rest) = wait.components
            response.headers[.retryAfter] = "\(max(0, seconds &+ (rest > 0 ? 1 : 0)))"
        }
        headers = response.headers
        content = if case .bytes(let buffer, _) = response.body.storage { buffer } else { ByteBuffer() }
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("Maintenance", placement: Placement(follows: ["client address"]))
        let (control, isForAll) = (control, configuration.exempt.isEmpty)
        blueprint.preview = { _ in
            guard control.isOn else { return .passes }
            return isForAll ? .answers(.serviceUnavailable) : .unknown
        }
        for network in configuration.exempt {
            blueprint.require(
                network.problem == nil,
                "lets \(network) through, which \(network.problem ?? "")",
                mend: "write an address or a range such as 10.0.0.0/8"
            )
        }
        if let wait = configuration.retryAfter {
            blueprint.require(
                wait >= .zero, "sends clients back in \(wait)", mend: "give zero or more, or nil to say nothing")
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        guard control.isOn, !isExempt(context) else { return nil }
        // RFC 9110 section 15.6.4.
        return Response(.serviceUnavailable, headers: headers, body: .bytes(content))
    }

    private func isExempt(_ context: RequestContext) -> Bool {
        guard !configuration.exempt.isEmpty, let client = context.clientAddress.flatMap({ IPAddress($0) }) else {
            return false
        }
        for network in configuration.exempt where network.contains(client) { return true }
        return false
    }
}
