import HTTPTypes

/// The rules of both directions as they run.
final class RewritePlan: Sendable {
    let problems: [HeaderRewrite.Problem]
    private let request: [HeaderRewrite.Step]
    private let response: [HeaderRewrite.Step]
    /// What rules for answers ask of the request.
    private let captures: [HeaderRewrite.Source]
    private let capturesAuthority: Bool

    init(_ rules: HeaderRewrite.Rules) {
        problems = rules.request.problems + rules.response.problems
        request = rules.request.steps
        var captures: [HeaderRewrite.Source] = []
        response = rules.response.steps.map { $0.capturing(&captures) }
        self.captures = captures
        capturesAuthority = response.contains { if case .urls(let urls) = $0 { urls.needsAuthority } else { false } }
    }

    var isEmpty: Bool { request.isEmpty && response.isEmpty }

    /// Whether another resource may be asked for.
    var changesTarget: Bool {
        request.contains {
            switch $0 {
            case .target, .method, .authority: true
            case .field, .urls, .cookies: false
            }
        }
    }

    /// What has to be found out by those outside.
    var follows: Set<Placement.Fact> {
        let values = (request + response).compactMap(\.value)
        let asksForClient = (values.flatMap(\.sources) + captures).contains { source in
            if case .clientAddress = source.code { true } else { false }
        }
        return asksForClient ? ["client address"] : []
    }

    func edit(_ request: inout Request, _ context: RequestContext) {
        if !response.isEmpty { prepareAnswer(request, context) }
        for step in self.request {
            switch step {
            case .field(let edit):
                let text = edit.value.flatMap { $0.text(request, context) }
                edit.edit(&request.headers, text)
            case .target(let edit): if let target = edit.edited(request, context) { request.target = target }
            case .method(let method): request.method = method
            case .authority(let value):
                guard let text = value.text(request, context), AuthorityGrammar.isAuthority(text.utf8.span) else {
                    continue
                }
                request.authority = text
            case .urls, .cookies: continue
            }
        }
    }

    func edit(_ response: inout Response, _ context: RequestContext) {
        guard !self.response.isEmpty else { return }
        edit(response.status, &response.headers, context)
    }

    private func prepareAnswer(_ request: borrowing Request, _ context: RequestContext) {
        if !captures.isEmpty || capturesAuthority {
            context[CapturedValuesKey.self][ObjectIdentifier(self)] = CapturedValues(
                texts: captures.map { $0.value(request, context) },
                authority: capturesAuthority ? request.authority : nil)
        }
        context.onInformational { [self, unowned context] status, headers in
            edit(status, &headers, context)
            return true
        }
    }

    private func edit(_ status: HTTPResponse.Status, _ headers: inout Headers, _ context: RequestContext) {
        let captured =
            captures.isEmpty && !capturesAuthority ? nil : context[CapturedValuesKey.self][ObjectIdentifier(self)]
        var answer = RewrittenAnswer(
            status: status, headers: headers, captured: captured?.texts ?? [], authority: captured?.authority,
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

/// What the rules of one rewrite asked of a request when it came.
private struct CapturedValues: Sendable {
    var texts: [String?]
    var authority: String?
}

/// The same for each rewrite that a request has come through.
private enum CapturedValuesKey: ContextKey {
    static var defaultValue: [ObjectIdentifier: CapturedValues] { [:] }
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
