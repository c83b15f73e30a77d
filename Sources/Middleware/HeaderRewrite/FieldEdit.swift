/// What is done to the fields of one name.
final class FieldEdit: Sendable {
    enum Kind: Sendable {
        case set
        case add
        case setIfAbsent
        case remove
        case removePrefix
        case rename([UInt8])
        case replace(RegularExpression, RegularExpressionTemplate)
    }

    /// What follows from the body, the protocol and the connection.
    static let framing: Set<KnownField> = [
        .connection, .contentLength, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade,
    ]

    /// What is computed for each exchange; `nil` when the edit is the same for all.
    let value: HeaderRewrite.Value?
    private let name: [UInt8]
    private let lowercase: [UInt8]
    private let kind: Kind
    private let known: KnownField
    /// The value when it is the same for all.
    private let constant: [UInt8]?

    /// - Parameter value: of those kinds that give one.
    init(name: [UInt8], kind: Kind, value: HeaderRewrite.Value? = nil) {
        self.name = name
        self.kind = kind
        lowercase = Array(String(decoding: name, as: UTF8.self).lowercased().utf8)
        known = KnownField(name: name.span)
        constant = value?.constant.map { Array($0.utf8) }
        self.value = constant == nil ? value : nil
    }

    /// The same with another value.
    func with(_ value: HeaderRewrite.Value) -> FieldEdit {
        FieldEdit(name: name, kind: kind, value: value)
    }

    /// Edits fields. `computed` is the text of ``value``.
    func edit(_ headers: inout Headers, _ computed: String? = nil) {
        switch kind {
        case .set: set(in: &headers, computed)
        case .add: add(to: &headers, computed)
        case .setIfAbsent:
            if headers.firstIndex(lowercase: lowercase, known: known) == nil { add(to: &headers, computed) }
        case .remove: headers.remove(lowercase: lowercase, known: known)
        case .removePrefix:
            let prefix = lowercase
            headers.removeEntries(from: 0) { !Self.framing.contains($1.known) && $0.nameBegins($1, prefix) }
        case .rename(let other): rename(in: &headers, to: other)
        case .replace(let expression, let template): replace(in: &headers, expression, template)
        }
    }

    private func set(in headers: inout Headers, _ computed: String?) {
        let name = name
        if let constant {
            headers.set(name: name.span, lowercase: lowercase, value: constant.span, known: known)
        } else if let computed {
            headers.set(name: name.span, lowercase: lowercase, value: computed.utf8.span, known: known)
        } else {
            headers.remove(lowercase: lowercase, known: known)
        }
    }

    private func add(to headers: inout Headers, _ computed: String?) {
        let name = name
        if let constant {
            headers.append(name: name.span, value: constant.span, known: known)
        } else if let computed {
            headers.append(name: name.span, value: computed.utf8.span, known: known)
        }
    }

    private func rename(in headers: inout Headers, to other: [UInt8]) {
        guard headers.firstIndex(lowercase: lowercase, known: known) != nil else { return }
        let renamed = FieldEdit(name: other, kind: .remove)
        if renamed.lowercase != lowercase { renamed.edit(&headers) }
        let values = headers.entries.filter { headers.isNamed($0, lowercase) }.map { entry in
            headers.withValue(of: entry) { $0.withUnsafeBufferPointer { Array($0) } }
        }
        headers.remove(lowercase: lowercase, known: known)
        for value in values { headers.append(name: other.span, value: value.span, known: renamed.known) }
    }

    private func replace(
        in headers: inout Headers, _ expression: RegularExpression, _ template: RegularExpressionTemplate
    ) {
        var index = 0
        while index < headers.entries.count {
            guard headers.isNamed(headers.entries[index], lowercase) else {
                index += 1
                continue
            }
            let replacement = headers.withValue(of: headers.entries[index]) { value in
                expression.replacingMatches(in: value, with: template)
            }
            switch replacement {
            case .unchanged: break
            case .changed(let value): headers.replaceValue(at: index, with: value.span)
            case .tooDear:
                headers.remove(lowercase: lowercase, known: known)
                return
            }
            index += 1
        }
    }
}

extension Headers {
    /// Whether the entry's name begins so, in lower case.
    fileprivate func nameBegins(_ entry: Entry, _ prefix: [UInt8]) -> Bool {
        guard Int(entry.nameLength) >= prefix.count else { return false }
        return withName(of: entry) { name in
            equalIgnoringCase(name.extracting(0..<prefix.count), lowercase: prefix.span)
        }
    }
}
