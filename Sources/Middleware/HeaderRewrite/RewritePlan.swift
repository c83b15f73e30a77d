import HTTPTypes

/// The rules of both directions as they run.
final class RewritePlan: Sendable {
    let problems: [HeaderRewrite.Problem]
    private let request: [HeaderRewrite.Step]
    private let response: [HeaderRewrite.Step]
    /// The rules of a direction when they are the same for every exchange, as most are.
    private let plainRequest: [FieldEdit]?
    private let plainResponse: [FieldEdit]?
    /// What rules for answers ask of the request.
    private let captures: [HeaderRewrite.Source]
    private let mapsURLs: Bool
    /// Whether rules for answers need anything of the request.
    private let asksRequest: Bool

    init(_ rules: HeaderRewrite.Rules) {
        problems = rules.request.problems + rules.response.problems
        request = rules.request.steps
        var captures: [HeaderRewrite.Source] = []
        response = rules.response.steps.map { $0.capturing(&captures) }
        self.captures = captures
        mapsURLs = response.contains { if case .urls = $0 { true } else { false } }
        asksRequest = mapsURLs || !captures.isEmpty
        plainRequest = Self.plain(request)
        plainResponse = Self.plain(response)
    }

    private static func plain(_ steps: [HeaderRewrite.Step]) -> [FieldEdit]? {
        var edits: [FieldEdit] = []
        for step in steps {
            guard case .field(let edit) = step, edit.value == nil else { return nil }
            edits.append(edit)
        }
        return edits
    }

    var isEmpty: Bool { request.isEmpty && response.isEmpty }

    /// Whether what decides further in may decide otherwise.
    var changesRequest: Bool { !request.isEmpty }

    /// What has to be found out by those outside.
    var follows: Set<Placement.Fact> {
        var facts: Set<Placement.Fact> = []
        for source in (request + response).compactMap(\.value).flatMap(\.sources) + captures {
            switch source.code {
            case .clientAddress: facts.insert("client address")
            case .requestID: facts.insert("request id")
            default: break
            }
        }
        return facts
    }

    // MARK: Requests

    func edit(_ request: inout Request, _ context: RequestContext) {
        let asked = asksRequest ? AskedRequest(self, captures, request, context) : nil
        if let plainRequest {
            for edit in plainRequest { edit.edit(&request.headers) }
        } else {
            for step in self.request { take(step, &request, context) }
        }
        guard !response.isEmpty else { return }
        if let asked {
            if mapsURLs { asked.authorities = [request.head.clientAuthority, request.head.authority] }
            context.add(asked)
        } else {
            context.add(self)
        }
    }

    private func take(_ step: HeaderRewrite.Step, _ request: inout Request, _ context: RequestContext) {
        switch step {
        case .field(let edit):
            let text = edit.value.flatMap { $0.text(request, context) }
            edit.edit(&request.headers, text)
        case .target(let edit): if let target = edit.edited(request, context) { request.target = target }
        case .method(let method):
            if request.method != .connect, !request.target.isAsterisk { request.method = method }
        case .authority(let value):
            guard let text = value.text(request, context), AuthorityGrammar.isAuthority(text.utf8.span) else { return }
            request.replaceAuthority(with: text)
        case .urls, .cookies: return
        }
    }

    // MARK: Answers

    func edit(_ response: inout Response, _ context: RequestContext) {
        guard !self.response.isEmpty else { return }
        let editor = context.removeInformationalEditor(of: self)
        let asked = asksRequest ? editor as? AskedRequest : nil
        edit(response.status, &response.headers, asked, context)
    }

    fileprivate func edit(
        _ status: HTTPResponse.Status, _ headers: inout Headers, _ asked: AskedRequest?, _ context: RequestContext
    ) {
        if let plainResponse {
            for edit in plainResponse { edit.edit(&headers) }
            return
        }
        var answer = RewrittenAnswer(
            status: status, headers: headers, captured: asked?.texts ?? [], authorities: asked?.authorities ?? [],
            context: context)
        // The only holder again, so that the edits copy nothing.
        headers = Headers()
        for step in response {
            switch step {
            case .field(let edit):
                let text = edit.value.flatMap { $0.text(answer) }
                edit.edit(&answer.headers, text)
            case .urls(let mapping): mapping.edit(&answer)
            case .cookies(let edit): edit.edit(&answer)
            case .target, .method, .authority: continue
            }
        }
        headers = answer.headers
    }
}

extension RewritePlan: InformationalEditor {
    var owner: AnyObject { self }

    func edit(_ status: HTTPResponse.Status, _ headers: inout Headers, _ context: RequestContext) -> Bool {
        edit(status, &headers, nil, context)
        return true
    }
}

/// What the rules for answers ask of one request.
private final class AskedRequest: InformationalEditor {
    private let plan: RewritePlan
    let texts: [String?]
    /// The one that the client asked for, and the one that the request left with.
    var authorities: [Authority] = []

    init(
        _ plan: RewritePlan, _ sources: [HeaderRewrite.Source], _ request: borrowing Request, _ context: RequestContext
    ) {
        self.plan = plan
        texts = sources.map { $0.value(request, context) }
    }

    var owner: AnyObject { plan }

    func edit(_ status: HTTPResponse.Status, _ headers: inout Headers, _ context: RequestContext) -> Bool {
        plan.edit(status, &headers, self, context)
        return true
    }
}

extension HeaderRewrite.Step {
    /// The value that a rule computes.
    fileprivate var value: HeaderRewrite.Value? {
        switch self {
        case .field(let edit): edit.value
        case .target(.path(let value)), .authority(let value): value
        case .target(.query(let edit)): edit.value
        case .target, .method, .urls, .cookies: nil
        }
    }

    /// The step with what it asks of the request noted in `captures`.
    fileprivate func capturing(_ captures: inout [HeaderRewrite.Source]) -> HeaderRewrite.Step {
        guard case .field(let edit) = self, var value = edit.value else { return self }
        for index in value.parts.indices {
            guard case .source(let source) = value.parts[index], source.phase == .request else { continue }
            value.parts[index] = .captured(captures.count)
            captures.append(source)
        }
        return .field(edit.with(value))
    }
}

extension HeaderRewrite.Value {
    fileprivate var sources: [HeaderRewrite.Source] {
        parts.compactMap { if case .source(let source) = $0 { source } else { nil } }
    }
}
