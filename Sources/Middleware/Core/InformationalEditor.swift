package import HTTPTypes

/// What sees 1xx answers on their way out of a context, and may edit or drop them.
package protocol InformationalEditor: AnyObject {
    /// Whoever has added it.
    var owner: AnyObject { get }

    /// Edits an answer; `false` drops it.
    func edit(_ status: HTTPResponse.Status, _ headers: inout Headers, _ context: RequestContext) -> Bool
}

/// The same as a closure.
final class InformationalClosure: InformationalEditor {
    private let body: (HTTPResponse.Status, inout Headers) -> Bool

    init(_ body: @escaping (HTTPResponse.Status, inout Headers) -> Bool) { self.body = body }

    var owner: AnyObject { self }

    func edit(_ status: HTTPResponse.Status, _ headers: inout Headers, _ context: RequestContext) -> Bool {
        body(status, &headers)
    }
}
