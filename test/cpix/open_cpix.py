#!/usr/bin/python3
#
# open_cpix.py
#       Reads the keys of a CPIX document as the licence server of a vendor does, by
#       python3-cryptography: checks their MACs, then decrypts them.
#
# usage: open_cpix.py PRIVATE_KEY.pem <document    a line "KID KEY" for each key
#
# What does not open ends it with status 1 and one line that says why.
#
import base64
import sys
import xml.etree.ElementTree as ElementTree

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509 import load_der_x509_certificate

NAMES = {
    "c": "urn:dashif:org:cpix",
    "pskc": "urn:ietf:params:xml:ns:keyprov:pskc",
    "enc": "http://www.w3.org/2001/04/xmlenc#",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
RSA_OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
AES256_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
HMAC_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"


def cipher_of(element, algorithm):
    said = element.find("enc:EncryptionMethod", NAMES).get("Algorithm")
    if said != algorithm:
        sys.exit(f"{said} is not {algorithm}")
    return base64.b64decode(element.find("enc:CipherData/enc:CipherValue", NAMES).text, validate=True)


def for_holder(private_key, element):
    oaep = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    try:
        return private_key.decrypt(cipher_of(element, RSA_OAEP), oaep)
    except ValueError:
        sys.exit("it is for another")


def content_key(secret, document_key, mac_key):
    encrypted = cipher_of(secret.find("pskc:EncryptedValue", NAMES), AES256_CBC)
    mac = hmac.HMAC(mac_key, hashes.SHA512())
    mac.update(encrypted)
    try:
        mac.verify(base64.b64decode(secret.find("pskc:ValueMAC", NAMES).text, validate=True))
    except InvalidSignature:
        sys.exit("a MAC is wrong")
    decryptor = Cipher(algorithms.AES(document_key), modes.CBC(encrypted[:16])).decryptor()
    padded = decryptor.update(encrypted[16:]) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def main(key_file):
    with open(key_file, "rb") as pem:
        private_key = serialization.load_pem_private_key(pem.read(), None)
    root = ElementTree.parse(sys.stdin).getroot()
    (delivery,) = root.findall("c:DeliveryDataList/c:DeliveryData", NAMES)
    der = delivery.find("c:DeliveryKey/ds:X509Data/ds:X509Certificate", NAMES).text
    load_der_x509_certificate(base64.b64decode(der, validate=True))
    document_key = for_holder(private_key, delivery.find("c:DocumentKey/c:Data/pskc:Secret/pskc:EncryptedValue", NAMES))
    method = delivery.find("c:MACMethod", NAMES)
    if method.get("Algorithm") != HMAC_SHA512:
        sys.exit("another MAC")
    mac_key = for_holder(private_key, method.find("pskc:MACKey", NAMES))
    if len(document_key) != 32 or len(mac_key) != 64:
        sys.exit("keys of another length")
    for line in [f"{key.get('kid')} {content_key(key.find('c:Data/pskc:Secret', NAMES), document_key, mac_key).hex()}"
                 for key in root.findall("c:ContentKeyList/c:ContentKey", NAMES)]:
        print(line)


main(sys.argv[1])
