import HTTPTypes

extension Headers {
    /// The entry of a field that is there once; `nil` for none, and for several, which one party alone never sends.
    func onlyEntry(of name: HTTPField.Name) -> Entry? {
        guard let index = firstIndex(of: name) else { return nil }
        for other in entries[(index + 1)...] where matches(other, name) { return nil }
        return entries[index]
    }
}
