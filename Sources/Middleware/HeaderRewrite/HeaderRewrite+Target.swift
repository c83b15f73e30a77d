public import HTTPTypes
import NIOCore

// MARK: - Path, query, method and authority of requests

extension HeaderRewrite.MessageRules where Message == Request {
    /// Puts another beginning in the place of the path's, in whole segments: with `/v1` to `/v2`, `/v1` and `/v1/a` become
    /// `/v2` and `/v2/a`, and `/v10` stays. The query stays. Both are written as in a URL, encoded. Where nothing is put
    /// there, slashes that would then begin the path together become one: an origin may take `//a` for a host.
    public mutating func rewritePath(prefix: String, to replacement: String) {
        guard let old = pathPrefix(prefix), let new = pathPrefix(replacement) else { return }
        require(!old.isEmpty, "replaces the prefix /, which every path has", mend: "use addPathPrefix, or name a path")
        steps.append(.target(.prefix(old: old, new: new)))
    }

    /// Takes a beginning off the path, in whole segments: of `/v1/a`, `/a` is left, and of `/v1`, `/`.
    public mutating func stripPath(prefix: String) { rewritePath(prefix: prefix, to: "/") }

    /// Puts a beginning in front of every path.
    public mutating func addPathPrefix(_ prefix: String) {
        guard let prefix = pathPrefix(prefix) else { return }
        require(!prefix.isEmpty, "adds the prefix /, which changes nothing", mend: "write a path")
        steps.append(.target(.prefix(old: [], new: prefix)))
    }

    /// Rewrites a path of which all matches.
    ///
    /// - Parameter replacement: text in which `$1` and `${name}` are groups of the expression, `$0` the path and `$$` a
    ///   dollar. What stands in it behind a `?` becomes the query in place of the request's, its groups encoded so that
    ///   they stay one value; without a `?` the query stays.
    public mutating func rewritePath(matching expression: RegularExpression, to replacement: String) {
        let parts = replacement.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        require(
            replacement.hasPrefix("/"), "rewrites paths to \(replacement)",
            mend: "begin it with a /: for /v1(/.*) to $1, write /v1/(.*) to /$1")
        require(!replacement.contains("#"), "rewrites paths to \(replacement)", mend: "leave the # out")
        guard let path = template(parts[0], for: expression) else { return }
        var query: RegularExpressionTemplate?
        if parts.count > 1 {
            query = template(parts[1], for: expression)
            if query == nil { return }
        }
        steps.append(.target(.expression(expression, path: path, query: query)))
    }

    /// Makes this the path. Its text may already be encoded, see ``RequestTarget``; a value in it is one segment or a part
    /// of one, whatever it holds, except for `.path`. The query stays.
    public mutating func setPath(to value: HeaderRewrite.Value) {
        check(value)
        if let constant = value.constant {
            require(
                constant.hasPrefix("/") && !constant.contains("?") && !constant.contains("#"),
                "sets the path to \(constant.jsonQuoted)", mend: "begin it with a /, and set the query by its items")
        }
        steps.append(.target(.path(value)))
    }

    /// Makes this the one query item of that name, in the place of the first. Name and value are encoded here. An absent
    /// value removes the item. Names compare decoded; `+` is no space in them.
    public mutating func setQueryItem(_ name: String, to value: HeaderRewrite.Value) {
        edit(query: name, .set(value), value)
    }

    /// Adds a query item behind those that are there. Name and value are encoded here.
    public mutating func addQueryItem(_ name: String, _ value: HeaderRewrite.Value) {
        edit(query: name, .add(value), value)
    }

    /// Removes every query item of that name.
    public mutating func removeQueryItem(_ name: String) { edit(query: name, .remove) }

    /// Gives every query item of that name another one; its value stays byte for byte.
    public mutating func renameQueryItem(_ name: String, to other: String) {
        require(!other.isEmpty, "renames a query item to nothing", mend: "name it")
        edit(query: name, .rename(other))
    }

    /// Removes every query item whose name is not among these.
    public mutating func keepQueryItems(_ names: Set<String>) { steps.append(.target(.keepQuery(names))) }

    /// Removes the query.
    public mutating func removeQuery() { steps.append(.target(.removeQuery)) }

    /// Makes this the method. The body stays, and so do CONNECT and the requests for `*`, which mean no resource.
    public mutating func setMethod(_ method: HTTPRequest.Method) {
        require(
            method != .connect, "makes requests a CONNECT", mend: "use a method that has a path")
        steps.append(.method(method))
    }

    /// Makes this the authority, `host[:port]`, from which `Host` follows. What is forwarded there is for the host policy
    /// of what forwards; `Forwarded` and `X-Forwarded-Host` go on naming what the client asked for. An absent value, or
    /// one that is no authority, changes nothing.
    public mutating func setAuthority(to value: HeaderRewrite.Value) {
        check(value)
        if let constant = value.constant {
            require(
                AuthorityGrammar.isAuthority(constant.utf8.span), "sets the authority to \(constant.jsonQuoted)",
                mend: "write host or host:port")
        }
        steps.append(.authority(value))
    }

    private mutating func edit(query name: String, _ kind: QueryEdit.Kind, _ value: HeaderRewrite.Value? = nil) {
        if let value { check(value) }
        require(!name.isEmpty, "edits a query item without a name", mend: "name one")
        steps.append(.target(.query(QueryEdit(name: name, kind: kind))))
    }
}

extension HeaderRewrite.MessageRules {
    /// A prefix in normal form and without a slash at its end, so that what follows begins with one or is empty.
    mutating func pathPrefix(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("/"), !text.contains("?"), !text.contains("#"),
            let target = try? RequestTarget(normalising: ByteBuffer(string: text))
        else {
            require(
                false, "has the path prefix \(text.jsonQuoted)",
                mend: "write a path that begins with /, without ? and #")
            return nil
        }
        var bytes = target.withPath { $0.withUnsafeBufferPointer { Array($0) } }
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return bytes
    }
}

/// What is done to path or query. Indirect, so that handing it on copies one reference.
indirect enum TargetEdit: Sendable {
    case prefix(old: [UInt8], new: [UInt8])
    case expression(RegularExpression, path: RegularExpressionTemplate, query: RegularExpressionTemplate?)
    case path(HeaderRewrite.Value)
    case query(QueryEdit)
    case keepQuery(Set<String>)
    case removeQuery

    /// The edited target; `nil` when nothing changes.
    func edited(_ request: borrowing Request, _ context: RequestContext) -> RequestTarget? {
        let target = request.target
        guard !target.isAsterisk else { return nil }
        switch self {
        case .prefix(let old, let new): return target.replacingPrefix(old, with: new)
        case .expression(let expression, let path, let query):
            return Self.rewritten(target, expression, path, query)
        case .path(let value): return value.path(request, context).map { RequestTarget($0, query: target.query) }
        case .query(let edit):
            return target.replacingItems { edit.edited($0, edit.value?.text(request, context)) }
        case .keepQuery(let names):
            return target.query == nil
                ? nil : target.replacingItems { $0.filter { names.contains(QueryEdit.name(of: $0)) } }
        case .removeQuery: return target.query == nil ? nil : RequestTarget(target.path)
        }
    }

    private static func rewritten(
        _ target: RequestTarget, _ expression: RegularExpression, _ path: RegularExpressionTemplate,
        _ query: RegularExpressionTemplate?
    ) -> RequestTarget? {
        target.withPath { bytes in
            guard let match = expression.match(in: bytes, isWhole: true) else { return nil }
            var written: [UInt8] = []
            path.write(match, in: bytes, to: &written)
            let path = String(decoding: written.span)
            guard let query else { return RequestTarget(path, query: target.query) }
            var text = ""
            for part in query.parts {
                switch part {
                case .literal(let literal): text += String(decoding: literal.span)
                case .group(let group):
                    guard let range = match[group] else { continue }
                    // A path may hold & and =, which would begin another item.
                    text += PercentEncoding.encodedAgain(bytes.extracting(range))
                }
            }
            return RequestTarget(path, query: text)
        }
    }
}

/// What is done to the query items of one name. All others stay byte for byte.
struct QueryEdit: Sendable {
    enum Kind: Sendable {
        case set(HeaderRewrite.Value)
        case add(HeaderRewrite.Value)
        case remove
        case rename(String)
    }

    let name: String
    let kind: Kind

    var value: HeaderRewrite.Value? {
        switch kind {
        case .set(let value), .add(let value): value
        case .remove, .rename: nil
        }
    }

    /// The name of an item, decoded.
    static func name(of item: Substring) -> String {
        PercentEncoding.decoded(item.prefix { $0 != "=" })
    }

    /// The items after the edit. `text` is the text of ``value``, `nil` when that is absent.
    func edited(_ items: [Substring], _ text: String?) -> [Substring] {
        let written = text.map { Substring("\(PercentEncoding.encoded(name))=\(PercentEncoding.encoded($0))") }
        switch kind {
        case .add: return items + (written.map { [$0] } ?? [])
        case .remove: return items.filter { Self.name(of: $0) != name }
        case .rename(let other):
            return items.map { item in
                Self.name(of: item) == name
                    ? "\(PercentEncoding.encoded(other))\(item.drop { $0 != "=" })"[...] : item
            }
        case .set:
            var result: [Substring] = []
            var pending = written
            for item in items {
                guard Self.name(of: item) == name else {
                    result.append(item)
                    continue
                }
                if let new = pending.take() { result.append(new) }
            }
            return result + (pending.map { [$0] } ?? [])
        }
    }
}

extension RequestTarget {
    /// The target with another beginning of the path, in normal form as well: whole segments are exchanged. `nil` for a
    /// path that begins otherwise.
    fileprivate func replacingPrefix(_ old: [UInt8], with new: [UInt8]) -> RequestTarget? {
        withBytes { bytes in
            let pathEnd = withPath { $0.count }
            guard pathEnd >= old.count else { return nil }
            for index in old.indices where bytes[index] != old[index] { return nil }
            guard pathEnd == old.count || bytes[old.count] == UInt8(ascii: "/") else { return nil }
            var buffer = ByteBuffer()
            buffer.reserveCapacity(bytes.count - old.count + new.count + 1)
            buffer.write(new.span)
            if new.isEmpty, pathEnd == old.count { buffer.writeInteger(UInt8(ascii: "/")) }
            var rest = old.count
            if new.isEmpty {
                while rest + 1 < pathEnd, bytes[rest + 1] == UInt8(ascii: "/") { rest += 1 }
            }
            buffer.write(bytes.extracting(rest..<pathEnd))
            let queryStart = pathEnd < bytes.count ? buffer.readableBytes : nil
            buffer.write(bytes.extracting(pathEnd..<bytes.count))
            return RequestTarget(normal: buffer, queryStart: queryStart)
        }
    }

    /// The target with other query items; none at all leave no query.
    fileprivate func replacingItems(_ edit: ([Substring]) -> [Substring]) -> RequestTarget? {
        let items = (query ?? "").split(separator: "&")
        let edited = edit(items)
        guard edited != items else { return nil }
        return RequestTarget(path, query: edited.isEmpty ? nil : edited.joined(separator: "&"))
    }
}
