import HTTPTypes

/// Edits heads on their way: fields of requests and answers, the path, the query and the method of requests, and the
/// URLs and cookies by which an origin names itself.
///
/// The rules of one direction run in the order in which they are written, and each sees what those before it did. Rules
/// for answers hold for interim answers (1xx) too. What a rule asks of the request, it asks of the request as it came in
/// here; nothing that is rewritten here makes a router choose again.
///
/// What frames a message or belongs to one connection (`Content-Length`, `Transfer-Encoding`, `Connection` …) and `Host`
/// are no fields that a rule may touch: that is a problem of the composition. `Host` follows from the authority, see
/// ``MessageRules/setAuthority(to:)``. It does not look at bodies.
///
/// ## Placement
/// Inside logs, which should see what was asked, and inside a cache if it changes what is asked of the origin; outside
/// of what forwards.
///
/// ## Example
/// ```swift
/// HeaderRewrite {
///     $0.request.set(.init("x-edge")!, to: "1")
///     $0.response.remove(.server)
/// }
/// ```
/// Customised, for an origin that knows itself by another name and below another path:
/// ```swift
/// HeaderRewrite {
///     $0.request.rewritePath(prefix: "/shop", to: "/app")
///     $0.request.set(.init("x-real-ip")!, to: "\(.clientAddress)")
///     $0.response.mapURLs(from: "http://10.0.0.1:9000/app", to: "/shop")
///     $0.response.rewriteCookies { $0.path = .replacingPrefix("/app", with: "/shop") }
/// }
/// ```
public struct HeaderRewrite: HeadMiddleware {
    /// The rules of both directions.
    public struct Rules: Sendable {
        /// What is done to requests on their way in.
        public var request = MessageRules<Request>()
        /// What is done to answers on their way out, interim ones included.
        public var response = MessageRules<Response>()

        /// No rules.
        public init() {}
    }

    /// The rules of one direction, in order.
    public struct MessageRules<Message>: Sendable {
        var steps: [Step] = []
        var problems: [Problem] = []

        /// No rules.
        public init() {}
    }

    /// A bad value of a rule.
    struct Problem: Sendable {
        var problem: String
        var mend: String
    }

    /// One rule. Indirect, so that handing it on copies one reference.
    indirect enum Step: Sendable {
        case field(FieldEdit)
        case target(TargetEdit)
        case method(HTTPRequest.Method)
        case authority(Value)
        case urls(URLMapping)
        case cookies(CookieEdit)
    }

    private let plan: RewritePlan

    /// The rules that the closure writes; bad values are reported by the ``blueprint``.
    public init(_ write: (inout Rules) -> Void) {
        var rules = Rules()
        write(&rules)
        self.init(rules)
    }

    /// Rules that were collected before; bad values are reported by the ``blueprint``.
    public init(_ rules: Rules) { plan = RewritePlan(rules) }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("HeaderRewrite", placement: Placement(follows: plan.follows))
        let changesRequest = plan.changesRequest
        blueprint.preview = { _ in changesRequest ? .unknown : .passes }
        for problem in plan.problems { blueprint.require(false, problem.problem, mend: problem.mend) }
        blueprint.require(!plan.isEmpty || !plan.problems.isEmpty, "has no rules", mend: "write one, or leave it out")
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        plan.edit(&request, context)
        return nil
    }

    public func after(_ response: inout Response, context: RequestContext) {
        plan.edit(&response, context)
    }
}
