-- Customers: who they are, how they pay without being present, and what they have with their merchant.

CREATE TABLE customers (
    id                uuid PRIMARY KEY,
    merchant_id       uuid NOT NULL,
    name              text,
    email             text,
    metadata          jsonb NOT NULL DEFAULT '{}',
    -- what a new subscription is paid by that names nothing else
    default_method_id uuid,
    created_at        timestamptz NOT NULL DEFAULT remit_now(),
    updated_at        timestamptz NOT NULL DEFAULT remit_now()
);

-- What one subscription has saved at the gateway, all of the same customer are paid by.
CREATE TABLE customer_payment_methods (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL REFERENCES customers,
    -- it chooses the gateway
    type        text NOT NULL,
    -- the gateway's token for it
    token       text NOT NULL,
    -- the gateway's own name for it, once it was saved there: by its first payment
    saved       jsonb,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    -- when it was declined for good: it is asked no more, until it is replaced
    declined_at timestamptz,

    CONSTRAINT customer_payment_methods_once UNIQUE (customer_id, type, token),
    -- whoever refers to one says whose it is: nobody is paid for by another customer
    CONSTRAINT customer_payment_methods_of_customer UNIQUE (customer_id, id)
);

ALTER TABLE customers
    ADD CONSTRAINT customers_default_method_is_theirs
        FOREIGN KEY (id, default_method_id) REFERENCES customer_payment_methods (customer_id, id);

-- Whom a gateway knows a customer as. It is learnt when the first payment method is saved there.
CREATE TABLE customer_refs (
    customer_id  uuid NOT NULL REFERENCES customers,
    gateway      text NOT NULL,
    customer_ref text NOT NULL,
    PRIMARY KEY (customer_id, gateway)
);

-- What a customer has with a merchant: credits, and money that came when nothing was owed. It pays the next invoices
-- first. Below zero is what a gateway could not charge of an invoice: it is carried forward, until a later one asks for
-- it.
CREATE TABLE customer_balances (
    customer_id uuid NOT NULL REFERENCES customers,
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount      numeric(19, 4) NOT NULL,
    -- what people took from it by hand: with it, the balance is what invoices and payments say it is
    lowered     numeric(19, 4) NOT NULL DEFAULT 0,
    PRIMARY KEY (customer_id, currency)
);
